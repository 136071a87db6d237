-- How long lists of batches are is kept, since counting tens of thousands anew takes longer than reading a page of them.
-- Rows change in the transaction that changes a batch, whichever statement does: the first table only when a batch gets
-- another status, comes or goes, which a call does once in the life of its batch.

-- Batches that call telephones, by status.
CREATE TABLE listed_batch_count (
  organization_id int NOT NULL REFERENCES organization,
  status smallint NOT NULL,
  batches int NOT NULL CHECK (batches >= 0),
  PRIMARY KEY (organization_id, status)
) WITH (fillfactor = 50);

-- Batches of an agent in which nobody is dialled twice.
CREATE TABLE once_batch_count (
  organization_id int NOT NULL REFERENCES organization,
  agent_id int NOT NULL,
  batches int NOT NULL CHECK (batches >= 0),
  PRIMARY KEY (organization_id, agent_id)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON listed_batch_count, once_batch_count TO carillon_api, carillon_dispatcher;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['listed_batch_count', 'once_batch_count'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_rows ON %I TO carillon_api USING (organization_id = current_organization_id())', t);
    EXECUTE format('CREATE POLICY all_rows ON %I TO carillon_dispatcher USING (true)', t);
  END LOOP;
END $$;

-- A row that leaves its place is taken out there and put in where it comes to. Only what is there can be taken out, so
-- that half is a plain UPDATE.
CREATE FUNCTION keep_listed_batch_count() RETURNS trigger LANGUAGE plpgsql SET search_path = carillon, pg_catalog AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.listed THEN
    UPDATE listed_batch_count SET batches = batches - 1 WHERE organization_id = OLD.organization_id AND status = OLD.status;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.listed THEN
    INSERT INTO listed_batch_count AS c (organization_id, status, batches) VALUES (NEW.organization_id, NEW.status, 1)
      ON CONFLICT (organization_id, status) DO UPDATE SET batches = c.batches + 1;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER listed_batch_count_of_new AFTER INSERT OR DELETE ON batch_state
  FOR EACH ROW EXECUTE FUNCTION keep_listed_batch_count();
-- The condition is looked at before anything is called: figures that change with every call cost nothing here.
CREATE TRIGGER listed_batch_count_of_moved AFTER UPDATE OF status, listed ON batch_state
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.listed IS DISTINCT FROM NEW.listed)
  EXECUTE FUNCTION keep_listed_batch_count();

CREATE FUNCTION is_once_batch(b batch) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = carillon, pg_catalog AS
  $$SELECT (b.retry_policy->>'maxAttempts')::int = 1 AND NOT b.single AND b.deleted_at IS NULL$$;

CREATE FUNCTION keep_once_batch_count() RETURNS trigger LANGUAGE plpgsql SET search_path = carillon, pg_catalog AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND is_once_batch(OLD) THEN
    UPDATE once_batch_count SET batches = batches - 1 WHERE organization_id = OLD.organization_id AND agent_id = OLD.agent_id;
  END IF;
  IF TG_OP <> 'DELETE' AND is_once_batch(NEW) THEN
    INSERT INTO once_batch_count AS c (organization_id, agent_id, batches) VALUES (NEW.organization_id, NEW.agent_id, 1)
      ON CONFLICT (organization_id, agent_id) DO UPDATE SET batches = c.batches + 1;
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
