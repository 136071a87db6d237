-- What an erasure works through, one after the other: 1 lists, 2 rejected rows, 3 kept answers. In rejected rows, seq is the
-- line of the last one that was looked at.
ALTER TABLE erasure ADD phase smallint NOT NULL DEFAULT 1;
UPDATE erasure SET phase = 3 WHERE answers_after IS NOT NULL;
UPDATE erasure SET answers_after = '' WHERE answers_after IS NULL;
ALTER TABLE erasure ALTER answers_after SET DEFAULT '', ALTER answers_after SET NOT NULL;

-- Keys that may only read, and keys that end by themselves.
ALTER TABLE credential ADD reads_only bool NOT NULL DEFAULT false;
ALTER TABLE credential ADD expires_at timestamptz;

DROP FUNCTION find_credential(text);
-- Looks a credential up by its id, outside any organization: the one door from a key to its organization.
CREATE FUNCTION find_credential(wanted_id text)
  RETURNS TABLE (organization_id int, secret_hmac bytea, revoked_at timestamptz, limits jsonb, reads_only bool, expires_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = carillon, pg_catalog
  AS 'SELECT c.organization_id, c.secret_hmac, c.revoked_at, c.limits, c.reads_only, c.expires_at FROM credential c WHERE c.credential_id = wanted_id';
REVOKE ALL ON FUNCTION find_credential(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_credential(text) TO carillon_api;
