-- A batch may speak with several agents and dial some people less often than others; lists of batches in six orders.

-- Who speaks to the recipients of the lane, and how often each of them is dialled; NULL: as the batch says. A lane is now
-- a distinct (trunk, caller, agent, number of dials, set of candidate zones).
ALTER TABLE lane ADD agent_id int, ADD attempts_max smallint;
ALTER TABLE lane ADD FOREIGN KEY (organization_id, agent_id) REFERENCES agent;

-- Each order of the list of batches. None of these columns changes while calls are made, so those updates stay HOT.
CREATE INDEX batch_by_creation ON batch (organization_id, created_at, batch_id) WHERE NOT single AND deleted_at IS NULL;
CREATE INDEX batch_by_update ON batch (organization_id, updated_at, batch_id) WHERE NOT single AND deleted_at IS NULL;
CREATE INDEX batch_by_name ON batch (organization_id, name, batch_id) WHERE NOT single AND deleted_at IS NULL;
CREATE INDEX batch_state_by_start ON batch_state (organization_id, (coalesce(start_at, 'infinity'::timestamptz)), batch_id);
CREATE INDEX batch_state_by_status ON batch_state (organization_id, status, batch_id);
CREATE INDEX batch_state_by_total ON batch_state (organization_id, total, batch_id);
