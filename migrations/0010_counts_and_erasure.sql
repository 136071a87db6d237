-- How long lists of batches are is kept, since counting tens of thousands anew takes longer than reading a page of them.
-- The transaction that changes a batch adds a row, whichever statement does it: one more here, one less there. The sum of
-- the rows is the count at every instant; many rows are folded into one now and then. Rows are only added because one
-- row that a transaction changes a thousand times would be found ever more slowly.

-- Batches that call telephones, by status.
CREATE TABLE listed_batch_count (
  organization_id int NOT NULL REFERENCES organization,
  status smallint NOT NULL,
  batches int NOT NULL
);
CREATE INDEX listed_batch_count_of_status ON listed_batch_count (organization_id, status) INCLUDE (batches);

-- Batches of an agent in which nobody is dialled twice.
CREATE TABLE once_batch_count (
  organization_id int NOT NULL REFERENCES organization,
  agent_id int NOT NULL,
  batches int NOT NULL
);
CREATE INDEX once_batch_count_of_agent ON once_batch_count (organization_id, agent_id) INCLUDE (batches);

GRANT SELECT, INSERT, DELETE ON listed_batch_count, once_batch_count TO carillon_api, carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['listed_batch_count', 'once_batch_count'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;

CREATE FUNCTION keep_listed_batch_count() RETURNS trigger LANGUAGE plpgsql SET search_path = carillon, pg_catalog AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.listed THEN
    INSERT INTO listed_batch_count (organization_id, status, batches) VALUES (OLD.organization_id, OLD.status, -1);
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.listed THEN
    INSERT INTO listed_batch_count (organization_id, status, batches) VALUES (NEW.organization_id, NEW.status, 1);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER listed_batch_count_of_new AFTER INSERT OR DELETE ON batch_state
  FOR EACH ROW EXECUTE FUNCTION keep_listed_batch_count();
-- The condition is looked at before anything is called: figures that change with every call cost nothing here.
CREATE TRIGGER listed_batch_count_of_moved AFTER UPDATE OF status, listed ON batch_state
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.listed IS DISTINCT FROM NEW.listed)
  EXECUTE FUNCTION keep_listed_batch_count();

CREATE FUNCTION keep_once_batch_count() RETURNS trigger LANGUAGE plpgsql SET search_path = carillon, pg_catalog AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND (OLD.retry_policy->>'maxAttempts')::int = 1 AND NOT OLD.single AND OLD.deleted_at IS NULL THEN
    INSERT INTO once_batch_count (organization_id, agent_id, batches) VALUES (OLD.organization_id, OLD.agent_id, -1);
  END IF;
  IF TG_OP <> 'DELETE' AND (NEW.retry_policy->>'maxAttempts')::int = 1 AND NOT NEW.single AND NEW.deleted_at IS NULL THEN
    INSERT INTO once_batch_count (organization_id, agent_id, batches) VALUES (NEW.organization_id, NEW.agent_id, 1);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER once_batch_count_of_new AFTER INSERT OR DELETE ON batch
  FOR EACH ROW EXECUTE FUNCTION keep_once_batch_count();
CREATE TRIGGER once_batch_count_of_changed AFTER UPDATE OF agent_id, retry_policy, single, deleted_at ON batch
  FOR EACH ROW EXECUTE FUNCTION keep_once_batch_count();

-- After the triggers, which lock both tables until the commit: nothing is counted twice or left out.
INSERT INTO listed_batch_count (organization_id, status, batches)
  SELECT organization_id, status, count(*) FROM batch_state WHERE listed GROUP BY organization_id, status;
INSERT INTO once_batch_count (organization_id, agent_id, batches)
  SELECT organization_id, agent_id, count(*) FROM batch
  WHERE (retry_policy->>'maxAttempts')::int = 1 AND NOT single AND deleted_at IS NULL GROUP BY organization_id, agent_id;

-- Retention: the batches that are over and not erased yet, oldest first, so that an hourly look finds the next one at once.
ALTER TABLE batch_state ADD people_erased bool NOT NULL DEFAULT false;
UPDATE batch_state s SET people_erased = true FROM batch b
  WHERE b.organization_id = s.organization_id AND b.batch_id = s.batch_id AND b.erased_at IS NOT NULL;
CREATE INDEX batch_state_over ON batch_state (organization_id, completed_at, batch_id) WHERE status IN (4, 5) AND NOT people_erased;

-- What receivers of webhooks have answered about somebody, to be erased with them.
CREATE INDEX webhook_delivery_answered ON webhook_delivery (organization_id, batch_id, seq) WHERE answer IS NOT NULL;
