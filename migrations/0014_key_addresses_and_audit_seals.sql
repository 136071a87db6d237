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

-- Seals of the audit log, for each organization in a chain: each digest is made from the one before and from the entries
-- that the seal covers (src/model/audit-seal.ts), so that an entry that is changed or missing later does not fit. The roles
-- add seals and read them.
CREATE TABLE audit_seal (
  organization_id int NOT NULL REFERENCES organization,
  -- From 1, without gaps.
  seal_n int NOT NULL CHECK (seal_n > 0),
  sealed_at timestamptz NOT NULL,
  -- In rising order. Not a range: an entry whose transaction commits late is covered by a later seal.
  entry_ids bigint[] NOT NULL CHECK (cardinality(entry_ids) > 0),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  PRIMARY KEY (organization_id, seal_n)
);
GRANT SELECT ON audit_seal TO carillon_api;
GRANT SELECT, INSERT ON audit_seal TO carillon_dispatcher;

-- The entries that no seal covers yet. A row comes with its entry, by a trigger and in its transaction, and goes with the
-- seal: whenever an entry commits, and whichever version of the server wrote it, it is sealed.
CREATE TABLE audit_unsealed (
  organization_id int NOT NULL REFERENCES organization,
  entry_id bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, entry_id)
);
-- Finds an organization whose oldest entry is to be sealed.
CREATE INDEX audit_unsealed_at ON audit_unsealed (at);
GRANT SELECT ON audit_unsealed TO carillon_api;
GRANT SELECT, DELETE ON audit_unsealed TO carillon_dispatcher;

-- As the owner, since the roles that write entries may not write here.
CREATE FUNCTION note_unsealed_entry() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = carillon, pg_catalog AS $$
BEGIN
  INSERT INTO audit_unsealed (organization_id, entry_id, at) VALUES (NEW.organization_id, NEW.entry_id, NEW.at);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION note_unsealed_entry() FROM PUBLIC;
CREATE TRIGGER audit_entry_unsealed AFTER INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION note_unsealed_entry();

-- After the trigger, which locks the table until the commit: no entry is left out. What was written before is sealed as it is.
INSERT INTO audit_unsealed (organization_id, entry_id, at) SELECT organization_id, entry_id, at FROM audit_entry;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['audit_seal', 'audit_unsealed'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;
