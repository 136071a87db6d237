-- Where requests with a key may come from: addresses and ranges, as text in the canonical form of the one that checks them.
-- NULL: from anywhere. An empty list would open nothing to anybody, so there is none.
ALTER TABLE credential ADD allowed_addresses text[] CHECK (cardinality(allowed_addresses) BETWEEN 1 AND 20);
-- When it was last seen to be used, to a minute. No index: an update then stays in its page.
ALTER TABLE credential ADD last_used_at timestamptz;

-- Nodes of the version before name the columns they ask for, and go on with this one.
DROP FUNCTION find_credential(text);
-- Looks a credential up by its id, outside any organization: the one door from a key to its organization.
CREATE FUNCTION find_credential(wanted_id text)
  RETURNS TABLE (organization_id int, secret_hmac bytea, revoked_at timestamptz, limits jsonb, reads_only bool, expires_at timestamptz, allowed_addresses text[])
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = carillon, pg_catalog
  AS 'SELECT c.organization_id, c.secret_hmac, c.revoked_at, c.limits, c.reads_only, c.expires_at, c.allowed_addresses FROM credential c WHERE c.credential_id = wanted_id';
REVOKE ALL ON FUNCTION find_credential(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_credential(text) TO carillon_api;
