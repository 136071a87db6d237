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

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['dispatch_trouble'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;
