-- Lists of very many batches: a page is found in an index alone, and what is in the list is counted there.

-- Whether the batch stands in lists of batches that call telephones: what these lists ask of a batch, beside its state.
-- It changes when the batch is deleted and never while calls are made, so those updates stay HOT.
ALTER TABLE batch_state ADD listed boolean NOT NULL DEFAULT false;
UPDATE batch_state s SET listed = true FROM batch b
  WHERE b.organization_id = s.organization_id AND b.batch_id = s.batch_id
    AND b.caller_number IS NOT NULL AND NOT b.single AND b.deleted_at IS NULL;

DROP INDEX batch_by_creation;
DROP INDEX batch_by_update;
DROP INDEX batch_by_name;
DROP INDEX batch_state_by_start;
DROP INDEX batch_state_by_status;
DROP INDEX batch_state_by_total;
CREATE INDEX batch_by_creation ON batch (organization_id, created_at, batch_id)
  WHERE caller_number IS NOT NULL AND NOT single AND deleted_at IS NULL;
CREATE INDEX batch_by_update ON batch (organization_id, updated_at, batch_id)
  WHERE caller_number IS NOT NULL AND NOT single AND deleted_at IS NULL;
CREATE INDEX batch_by_name ON batch (organization_id, name, batch_id)
  WHERE caller_number IS NOT NULL AND NOT single AND deleted_at IS NULL;
-- An index alone can answer only for columns, so it holds the one in the expression too.
CREATE INDEX batch_state_by_start ON batch_state (organization_id, (coalesce(start_at, 'infinity'::timestamptz)), batch_id)
  INCLUDE (start_at) WHERE listed;
CREATE INDEX batch_state_by_status ON batch_state (organization_id, status, batch_id) WHERE listed;
CREATE INDEX batch_state_by_total ON batch_state (organization_id, total, batch_id) WHERE listed;

-- The batches of an agent in which nobody is dialled twice: listed by it and counted in it.
CREATE INDEX batch_once ON batch (organization_id, agent_id, batch_id)
  WHERE (retry_policy->>'maxAttempts')::int = 1 AND NOT single AND deleted_at IS NULL;
