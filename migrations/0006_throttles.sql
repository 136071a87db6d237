-- Throttles: at most so many calls in any window of so many seconds, shared by the batches that name them.

CREATE TABLE throttle (
  organization_id int NOT NULL REFERENCES organization,
  throttle_id int NOT NULL,
  throttle_uuid uuid NOT NULL,
  name text NOT NULL,
  -- [{"maxCalls": int, "windowSeconds": int}]: each holds for itself.
  rules jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, throttle_id),
  UNIQUE (organization_id, throttle_uuid),
  UNIQUE (organization_id, name)
);

-- When the latest 100 calls under a throttle were claimed, the newest first: no rule looks further back. Read and
-- written under the gate, by the transaction that claims.
CREATE TABLE throttle_state (
  organization_id int NOT NULL,
  throttle_id int NOT NULL,
  starts timestamptz[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (organization_id, throttle_id),
  FOREIGN KEY (organization_id, throttle_id) REFERENCES throttle ON DELETE CASCADE
) WITH (fillfactor = 20);

ALTER TABLE batch ADD throttle_id int;
ALTER TABLE batch ADD CONSTRAINT batch_throttle FOREIGN KEY (organization_id, throttle_id) REFERENCES throttle;
CREATE INDEX batch_throttled ON batch (organization_id, throttle_id) WHERE throttle_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON throttle, throttle_state TO carillon_api, carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['throttle', 'throttle_state'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;
