-- Webhooks: who is told of events, and what became of each telling. The event log is the outbox; a delivery row exists
-- only for an endpoint that asked for the event.

-- An address that is told of events. One node at a time works for it, by a lease on this row.
CREATE TABLE webhook_endpoint (
  organization_id int NOT NULL REFERENCES organization,
  endpoint_id int NOT NULL,
  endpoint_uuid uuid NOT NULL,
  name text NOT NULL,
  url text NOT NULL,
  -- The wire form of what is posted, by the name it has in the registry of dialects.
  form text NOT NULL,
  -- What the wire format that made it must be able to repeat and the core has no use for.
  form_fields jsonb,
  -- NULL: every kind that its form can tell.
  kinds smallint[],
  -- NULL: of all agents; of all batches.
  agent_ids int[],
  batch_ids int[],
  -- Sealed by src/model/secret-box.ts. The one before stays good for a while after a rotation.
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_until timestamptz,
  active bool NOT NULL,
  -- Set by the deliverer when the endpoint is gone or keeps failing; a person sets it going again.
  paused_at timestamptz,
  paused_reason text,
  -- Health: since the last delivery that was taken.
  failures_in_row int NOT NULL DEFAULT 0,
  failing_since timestamptz,
  last_delivered_at timestamptz,
  last_error text,
  -- Nothing is sent before, since it asked for rest or fails.
  blocked_until timestamptz,
  -- The last event block of which deliveries were made.
  block_no bigint NOT NULL,
  lease_holder uuid,
  lease_until timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, endpoint_id),
  UNIQUE (organization_id, endpoint_uuid)
) WITH (fillfactor = 50);
CREATE INDEX webhook_endpoint_working ON webhook_endpoint (organization_id, endpoint_id) WHERE active AND paused_at IS NULL;

-- One event for one endpoint. Its id is that of the event: block_no.entry.
CREATE TABLE webhook_delivery (
  organization_id int NOT NULL,
  endpoint_id int NOT NULL,
  block_no bigint NOT NULL,
  -- Position in the block, from 1.
  entry int NOT NULL,
  -- As in event_block.
  at timestamptz NOT NULL,
  batch_id int NOT NULL,
  seq int NOT NULL,
  n smallint NOT NULL,
  kind smallint NOT NULL,
  code smallint NOT NULL,
  at_ms int NOT NULL,
  -- 1 pending, 2 delivered, 3 failed: given up after the last try.
  status smallint NOT NULL,
  -- When it is tried (again). NULL when it is settled, or while an earlier one of the same recipient is pending.
  next_at timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  last_at timestamptz,
  http_status smallint,
  -- The first 1024 bytes of the last answer.
  answer text,
  error text,
  took_ms int,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, endpoint_id, block_no, entry)
) WITH (fillfactor = 70);
CREATE INDEX webhook_delivery_due ON webhook_delivery (organization_id, endpoint_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_delivery_pending ON webhook_delivery (organization_id, endpoint_id, batch_id, seq, block_no, entry) WHERE status = 1;
CREATE INDEX webhook_delivery_failed ON webhook_delivery (organization_id, endpoint_id, block_no, entry) WHERE status = 3;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint, webhook_delivery TO carillon_api, carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['webhook_endpoint', 'webhook_delivery'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;
