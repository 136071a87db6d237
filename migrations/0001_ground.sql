-- The ground: who may call, whom to call, what is being called now, and what became of it.
-- Every key of an organization's table leads with organization_id, so that one organization can live on one shard.
-- Codes of status, state, disposition, cause and event kind are those of src/model/.

-- The one time function. Tests, the simulator and rehearsals replace its body; nothing else may read the time.
CREATE FUNCTION carillon_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_catalog.clock_timestamp()';

-- The organization of the running transaction; none gives NULL and so no rows.
CREATE FUNCTION current_organization_id() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE
  AS $$SELECT nullif(pg_catalog.current_setting('carillon.organization_id', true), '')::int$$;

-- The last word of a statement that is all or nothing: its transaction fails unless it changed all the rows it was sent for.
CREATE FUNCTION require_all(changed bigint, wanted bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF changed <> wanted THEN
    RAISE EXCEPTION 'changed % rows of %', changed, wanted USING ERRCODE = 'CRL01';
  END IF;
  RETURN changed;
END $$;

-- Outside tenancy ---------------------------------------------------------------------------------------------------

-- One row: secrets of this installation from which keys for ids, number hashes and credentials are derived.
CREATE TABLE installation (
  only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
  secret bytea NOT NULL CHECK (octet_length(secret) = 32),
  created_at timestamptz NOT NULL
);

-- One row for each incarnation of a process. A restarted process is a new node.
CREATE TABLE node (
  node_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  started_at timestamptz NOT NULL,
  lease_until timestamptz NOT NULL,
  -- Set by itself on a clean stop, by a survivor after the lease; a node that finds it set takes a new incarnation.
  ended_at timestamptz
);
CREATE INDEX node_alive ON node (lease_until) WHERE ended_at IS NULL;

CREATE TABLE credential (
  credential_id text PRIMARY KEY,
  -- NULL: the operator, who makes organizations and belongs to none.
  organization_id int,
  name text NOT NULL,
  -- HMAC-SHA256 of the secret under a key derived from the installation's secret.
  secret_hmac bytea NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX credential_organization ON credential (organization_id, created_at);

-- Organizations and what they own -----------------------------------------------------------------------------------

CREATE TABLE organization (
  organization_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_uuid uuid NOT NULL UNIQUE,
  name text NOT NULL,
  -- Country of numbers written without a plus; NULL: such numbers are refused.
  default_country text,
  -- NULL: the country of the caller's number. On loopback trunks every country is allowed.
  allowed_countries text[],
  default_number_id int,
  -- Source of the int ids of agents, trunks, numbers and batches.
  last_object_id int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL
);

-- The gate: locked first by every transaction that claims, ends, reconciles, pauses, cancels, suppresses or edits a limit.
CREATE TABLE gate (
  organization_id int PRIMARY KEY REFERENCES organization,
  live_max int NOT NULL CHECK (live_max >= 0),
  live int NOT NULL DEFAULT 0 CHECK (live >= 0),
  -- Number of the last event block: one gap-free sequence for each organization.
  block_no bigint NOT NULL DEFAULT 0,
  -- Grows with every change of a definition (batch, trunk, limit); a node's copy is valid while it is the same.
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 10);

CREATE TABLE trunk (
  organization_id int NOT NULL REFERENCES organization,
  trunk_id int NOT NULL,
  trunk_uuid uuid NOT NULL,
  name text NOT NULL,
  carrier text NOT NULL,
  settings jsonb NOT NULL,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, trunk_id),
  UNIQUE (organization_id, trunk_uuid)
);

-- Limits of a trunk and what is used of them now.
CREATE TABLE trunk_state (
  organization_id int NOT NULL,
  trunk_id int NOT NULL,
  live_max int NOT NULL CHECK (live_max >= 0),
  live int NOT NULL DEFAULT 0 CHECK (live >= 0),
  calls_per_second float8 NOT NULL CHECK (calls_per_second > 0),
  tokens float8 NOT NULL DEFAULT 1,
  refilled_at timestamptz NOT NULL,
  -- The breaker: failures in a row, and until when nothing is claimed for this trunk.
  failures_in_row int NOT NULL DEFAULT 0,
  blocked_until timestamptz,
  PRIMARY KEY (organization_id, trunk_id),
  FOREIGN KEY (organization_id, trunk_id) REFERENCES trunk
) WITH (fillfactor = 10);

CREATE TABLE phone_number (
  organization_id int NOT NULL REFERENCES organization,
  number_id int NOT NULL,
  number_uuid uuid NOT NULL,
  -- E.164 digits without the plus.
  number bigint NOT NULL,
  trunk_id int NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, number_id),
  UNIQUE (organization_id, number_uuid),
  UNIQUE (organization_id, number),
  FOREIGN KEY (organization_id, trunk_id) REFERENCES trunk
);

CREATE TABLE agent (
  organization_id int NOT NULL REFERENCES organization,
  agent_id int NOT NULL,
  agent_uuid uuid NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  settings jsonb NOT NULL,
  default_number_id int,
  created_at timestamptz NOT NULL,
  archived_at timestamptz,
  PRIMARY KEY (organization_id, agent_id),
  UNIQUE (organization_id, agent_uuid),
  FOREIGN KEY (organization_id, default_number_id) REFERENCES phone_number (organization_id, number_id)
);

-- The id an owner uses elsewhere for an agent, number, credential or for the organization itself.
CREATE TABLE alias (
  organization_id int NOT NULL REFERENCES organization,
  kind text NOT NULL CHECK (kind IN ('organization', 'agent', 'number', 'credential')),
  alias text NOT NULL,
  object_id int NOT NULL,
  PRIMARY KEY (organization_id, kind, alias)
);

CREATE TABLE suppression (
  organization_id int NOT NULL REFERENCES organization,
  number_hash bigint NOT NULL,
  number bigint NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, number_hash, number)
);
CREATE INDEX suppression_newest ON suppression (organization_id, created_at, number);

-- Batches -----------------------------------------------------------------------------------------------------------

CREATE TABLE batch (
  organization_id int NOT NULL REFERENCES organization,
  batch_id int NOT NULL,
  batch_uuid uuid NOT NULL,
  name text NOT NULL,
  -- Which wire format made it; others may read it.
  dialect text NOT NULL,
  agent_id int NOT NULL,
  caller_number bigint NOT NULL,
  trunk_id int NOT NULL,
  ring_timeout_seconds int NOT NULL,
  max_call_seconds int NOT NULL,
  calling_window jsonb,
  retry_policy jsonb NOT NULL,
  duplicate_numbers text NOT NULL CHECK (duplicate_numbers IN ('skip', 'call')),
  -- Header of the uploaded file in its order; NULL when the recipients were posted as JSON.
  columns text[],
  phone_column int,
  rejected_rows int NOT NULL DEFAULT 0,
  metadata jsonb,
  -- What the wire format that made it must be able to repeat and the core has no use for.
  dialect_fields jsonb,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL,
  -- When a command changed it last; what calls change stands in batch_state.
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, batch_id),
  UNIQUE (organization_id, batch_uuid),
  FOREIGN KEY (organization_id, agent_id) REFERENCES agent,
  FOREIGN KEY (organization_id, trunk_id) REFERENCES trunk
);
CREATE INDEX batch_version ON batch (organization_id, version);

-- Status, limit and figures of a batch: one row, changed by the transaction that changes what it counts.
-- total = waiting + due + live + settled, and waiting is the sum of its lanes.
CREATE TABLE batch_state (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  status smallint NOT NULL,
  live_max int NOT NULL CHECK (live_max >= 0),
  live int NOT NULL DEFAULT 0 CHECK (live >= 0),
  total int NOT NULL,
  due int NOT NULL DEFAULT 0 CHECK (due >= 0),
  settled int NOT NULL DEFAULT 0,
  dialing int NOT NULL DEFAULT 0,
  accepted int NOT NULL DEFAULT 0,
  ringing int NOT NULL DEFAULT 0,
  talking int NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  talk_ms bigint NOT NULL DEFAULT 0,
  answered int NOT NULL DEFAULT 0,
  voicemail int NOT NULL DEFAULT 0,
  busy int NOT NULL DEFAULT 0,
  no_answer int NOT NULL DEFAULT 0,
  rejected int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  cancelled int NOT NULL DEFAULT 0,
  expired int NOT NULL DEFAULT 0,
  unknown int NOT NULL DEFAULT 0,
  suppressed int NOT NULL DEFAULT 0,
  duplicate int NOT NULL DEFAULT 0,
  invalid_number int NOT NULL DEFAULT 0,
  not_allowed int NOT NULL DEFAULT 0,
  start_at timestamptz,
  expires_at timestamptz,
  started_at timestamptz,
  last_dialed_at timestamptz,
  completed_at timestamptz,
  PRIMARY KEY (organization_id, batch_id),
  FOREIGN KEY (organization_id, batch_id) REFERENCES batch
) WITH (fillfactor = 20, autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_threshold = 20000);
CREATE INDEX batch_state_scheduled ON batch_state (start_at) WHERE status = 1;
CREATE INDEX batch_state_expiring ON batch_state (expires_at) WHERE status IN (1, 2, 3) AND expires_at IS NOT NULL;
CREATE INDEX batch_state_open ON batch_state (organization_id, batch_id) WHERE status IN (2, 3);

-- A lane is a distinct (trunk, set of candidate zones) of a batch: the contiguous run of recipients
-- [first_seq, last_seq), of which [next_seq, end_seq) wait in order and [end_seq, last_seq) began in due.
CREATE TABLE lane (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  lane smallint NOT NULL,
  trunk_id int NOT NULL,
  zones text[] NOT NULL,
  first_seq int NOT NULL,
  next_seq int NOT NULL,
  end_seq int NOT NULL,
  last_seq int NOT NULL,
  -- The outcome of [next_seq, end_seq) once the lane was closed (cancelled, expired, or final at import), and its cause.
  closed_as smallint,
  closed_cause smallint,
  closed_at timestamptz,
  PRIMARY KEY (organization_id, batch_id, lane),
  FOREIGN KEY (organization_id, batch_id) REFERENCES batch
) WITH (fillfactor = 20, autovacuum_analyze_threshold = 1000000);

-- One line of the list. Never written after the import.
CREATE TABLE recipient (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  seq int NOT NULL,
  line int NOT NULL,
  number bigint NOT NULL,
  number_hash bigint NOT NULL,
  -- JSON text: an array in the order of batch.columns without the phone column, or an object.
  variables text,
  metadata text,
  -- The next recipient with the same number, which enters due when this one is final.
  successor_seq int,
  PRIMARY KEY (organization_id, batch_id, seq)
);

-- Rows of an uploaded file that are not recipients.
CREATE TABLE rejected_row (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  line int NOT NULL,
  column_name text NOT NULL,
  value text NOT NULL,
  reason text NOT NULL,
  remedy text NOT NULL,
  PRIMARY KEY (organization_id, batch_id, line)
);

-- What may be tried at an instant: retries, numbers that are in a call, recipients with a not-before of their own.
CREATE TABLE due (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  lane smallint NOT NULL,
  due_at timestamptz NOT NULL,
  seq int NOT NULL,
  n smallint NOT NULL,
  counted smallint NOT NULL,
  reason smallint NOT NULL,
  PRIMARY KEY (organization_id, batch_id, lane, due_at, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE UNIQUE INDEX due_recipient ON due (organization_id, batch_id, seq);

-- A call that lives: the committed intent, the slot, and the guard against two calls to one number, in one row.
CREATE TABLE live_call (
  organization_id int NOT NULL,
  number_hash bigint NOT NULL,
  batch_id int NOT NULL,
  seq int NOT NULL,
  n smallint NOT NULL,
  counted smallint NOT NULL,
  lane smallint NOT NULL,
  trunk_id int NOT NULL,
  node_id int NOT NULL,
  state smallint NOT NULL,
  answered_by smallint NOT NULL DEFAULT 0,
  successor_seq int,
  claimed_at timestamptz NOT NULL,
  send_not_after timestamptz NOT NULL,
  -- Milliseconds since claimed_at.
  accepted_ms int,
  ringing_ms int,
  answered_ms int,
  carrier_call_id text,
  PRIMARY KEY (organization_id, number_hash)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2000000000);

-- A call that is over.
CREATE TABLE attempt (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  seq int NOT NULL,
  n smallint NOT NULL,
  counted smallint NOT NULL,
  trunk_id int NOT NULL,
  node_id int NOT NULL,
  disposition smallint NOT NULL,
  cause smallint NOT NULL,
  answered_by smallint NOT NULL,
  sip_status smallint,
  claimed_at timestamptz NOT NULL,
  accepted_ms int,
  ringing_ms int,
  answered_ms int,
  ended_ms int NOT NULL,
  carrier_call_id text,
  keys_pressed text,
  spoken_text text,
  PRIMARY KEY (organization_id, batch_id, seq, n)
) WITH (autovacuum_analyze_threshold = 200000, autovacuum_vacuum_insert_threshold = 1000000);

-- The outcome of a recipient that was settled without a dial.
CREATE TABLE verdict (
  organization_id int NOT NULL,
  batch_id int NOT NULL,
  seq int NOT NULL,
  outcome smallint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, batch_id, seq)
);

-- The event log and the outbox: one row for each statement that made something happen. seq 0 speaks of the batch.
CREATE TABLE event_block (
  organization_id int NOT NULL,
  block_no bigint NOT NULL,
  at timestamptz NOT NULL,
  batch_id int[] NOT NULL,
  seq int[] NOT NULL,
  n smallint[] NOT NULL,
  kind smallint[] NOT NULL,
  code smallint[] NOT NULL,
  -- Milliseconds since `at`; negative for what happened before. The end of a waiting line (kind 27) happens at `at`:
  -- there it is the number of recipients, who have the consecutive seq from `seq` on.
  at_ms int[] NOT NULL,
  PRIMARY KEY (organization_id, block_no)
);
ALTER TABLE event_block
  ALTER batch_id SET STATISTICS 0, ALTER seq SET STATISTICS 0, ALTER n SET STATISTICS 0,
  ALTER kind SET STATISTICS 0, ALTER code SET STATISTICS 0, ALTER at_ms SET STATISTICS 0;
-- Compressing the arrays took 2 µs a call.
ALTER TABLE event_block
  ALTER batch_id SET STORAGE EXTERNAL, ALTER seq SET STORAGE EXTERNAL, ALTER n SET STORAGE EXTERNAL,
  ALTER kind SET STORAGE EXTERNAL, ALTER code SET STORAGE EXTERNAL, ALTER at_ms SET STORAGE EXTERNAL;

-- Evidence that a provider may deliver again.
CREATE TABLE carrier_event (
  organization_id int NOT NULL,
  trunk_id int NOT NULL,
  event_key text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, trunk_id, event_key)
);

-- Answers already given to a POST that carried an Idempotency-Key.
CREATE TABLE idempotent_answer (
  organization_id int NOT NULL,
  idempotency_key text NOT NULL,
  request_hash bytea NOT NULL,
  -- NULL while the first request is still at work.
  http_status int,
  content_type text,
  body bytea,
  -- The batch that the request made, written with it: whoever takes over a request that died finds it here.
  batch_id int,
  lease_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, idempotency_key)
);
CREATE INDEX idempotent_answer_age ON idempotent_answer (created_at);

-- Recipients on their way in: filled by COPY, moved by one INSERT ... SELECT, emptied in the same transaction.
-- An upload id begins with the milliseconds of its instant, so what a dead node left behind can be told by its age.
CREATE UNLOGGED TABLE staged_recipient (
  organization_id int NOT NULL,
  upload_id bigint NOT NULL,
  lane smallint NOT NULL,
  position int NOT NULL,
  line int NOT NULL,
  number bigint NOT NULL,
  number_hash bigint NOT NULL,
  variables text,
  metadata text,
  not_before timestamptz
);
CREATE SEQUENCE upload_id;

-- Roles and row-level security ----------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA carillon TO carillon_api, carillon_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA carillon TO carillon_dispatcher;
REVOKE ALL ON migration FROM carillon_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON
  organization, gate, trunk, trunk_state, phone_number, agent, alias, suppression, batch, batch_state, lane, recipient,
  rejected_row, due, live_call, attempt, verdict, event_block, idempotent_answer, staged_recipient TO carillon_api;
GRANT SELECT ON node, carrier_event TO carillon_api;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA carillon TO carillon_api, carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['organization', 'gate', 'trunk', 'trunk_state', 'phone_number', 'agent', 'alias', 'suppression', 'batch',
    'batch_state', 'lane', 'recipient', 'rejected_row', 'due', 'live_call', 'attempt', 'verdict', 'event_block', 'carrier_event',
    'idempotent_answer'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;

-- Looks a credential up by its id, outside any organization: the one door from a key to its organization.
CREATE FUNCTION find_credential(wanted_id text)
  RETURNS TABLE (organization_id int, secret_hmac bytea, revoked_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = carillon, pg_catalog
  AS 'SELECT c.organization_id, c.secret_hmac, c.revoked_at FROM credential c WHERE c.credential_id = wanted_id';
REVOKE ALL ON FUNCTION find_credential(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_credential(text) TO carillon_api;
