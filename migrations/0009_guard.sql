-- Failure is visible: what each node cannot do for an organization at the moment. Empty while all is well.
CREATE TABLE dispatch_trouble (
  organization_id int NOT NULL REFERENCES organization,
  node_id int NOT NULL,
  -- The first of the cycles that failed in a row.
  since timestamptz NOT NULL,
  failures int NOT NULL,
  -- SQLSTATE, or the name of the error; never its text, which may hold values.
  error text NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, node_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatch_trouble TO carillon_dispatcher;
GRANT SELECT ON dispatch_trouble TO carillon_api;

-- Batches in which somebody's outcome is not known. `unknown` changes so rarely that updates of figures stay in their page.
CREATE INDEX batch_state_unknown ON batch_state (organization_id, batch_id) WHERE unknown > 0;

-- Limits of keys and organizations against misuse: {"requestsPerSecond", "peoplePerDay", "allowedPrefixes"}, each optional.
ALTER TABLE credential ADD limits jsonb;
ALTER TABLE organization ADD limits jsonb;

-- How many people were accepted to be called on a day of UTC: by a key, and with '' as its id by the organization.
CREATE TABLE people_accepted (
  organization_id int NOT NULL REFERENCES organization,
  credential_id text NOT NULL,
  day date NOT NULL,
  people int NOT NULL,
  PRIMARY KEY (organization_id, credential_id, day)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON people_accepted TO carillon_api, carillon_dispatcher;

DROP FUNCTION find_credential(text);
-- Looks a credential up by its id, outside any organization: the one door from a key to its organization.
CREATE FUNCTION find_credential(wanted_id text)
  RETURNS TABLE (organization_id int, secret_hmac bytea, revoked_at timestamptz, limits jsonb)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = carillon, pg_catalog
  AS 'SELECT c.organization_id, c.secret_hmac, c.revoked_at, c.limits FROM credential c WHERE c.credential_id = wanted_id';
REVOKE ALL ON FUNCTION find_credential(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_credential(text) TO carillon_api;

-- Who did what, when and from where. Rows are added by the transaction that does it and by nothing else changed: the
-- API's role may read and add. No number, no name and nothing that was said stands here.
CREATE TABLE audit_entry (
  organization_id int NOT NULL REFERENCES organization,
  entry_id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  credential_id text NOT NULL,
  action text NOT NULL,
  object_id text,
  -- Counts and names of changed fields.
  detail jsonb,
  address inet,
  request_id text,
  PRIMARY KEY (organization_id, entry_id)
);
GRANT SELECT, INSERT ON audit_entry TO carillon_api, carillon_dispatcher;

-- Days after which people of a batch that is over are erased; NULL: what the installation says.
ALTER TABLE organization ADD retention_days int CHECK (retention_days > 0);
-- How far the people of a batch have been erased, and when all of them were.
ALTER TABLE batch ADD erased_to_seq int NOT NULL DEFAULT 0;
ALTER TABLE batch ADD erased_at timestamptz;

-- One person to be erased from all lists of an organization, and how far that has come. The number goes when all is done.
CREATE TABLE erasure (
  organization_id int NOT NULL REFERENCES organization,
  erasure_id uuid NOT NULL,
  number_hash bigint NOT NULL,
  number bigint,
  requested_at timestamptz NOT NULL,
  -- The last recipient that was looked at, and when the next ones are.
  batch_id int NOT NULL DEFAULT 0,
  seq int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  recipients int NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  rejected_rows int NOT NULL DEFAULT 0,
  -- Of this look: recipients who were not final yet.
  open int NOT NULL DEFAULT 0,
  finished_at timestamptz,
  PRIMARY KEY (organization_id, erasure_id)
);
CREATE INDEX erasure_due ON erasure (next_at) WHERE finished_at IS NULL;
GRANT SELECT, INSERT ON erasure TO carillon_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON erasure TO carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['dispatch_trouble', 'people_accepted', 'audit_entry', 'erasure'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;
