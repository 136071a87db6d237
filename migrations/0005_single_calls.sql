-- Calls as a list of their own: one person called now (a batch of one that lists of batches do not show), all calls of
-- an organization newest first, ending a call that lives, erasing what was said in one.

-- Made for one call: it follows every rule of a batch and is seen as a call only.
ALTER TABLE batch ADD single bool NOT NULL DEFAULT false;
-- The two orders in which batches are listed, without what lists do not show.
CREATE INDEX batch_listed ON batch (organization_id, batch_id) WHERE NOT single AND deleted_at IS NULL;
DROP INDEX batch_agent;
CREATE INDEX batch_agent ON batch (organization_id, agent_id, batch_id) WHERE NOT single AND deleted_at IS NULL;

-- Calls of an organization by time. Ended calls come in nearly in this order, so the index grows at its right edge.
CREATE INDEX attempt_newest ON attempt (organization_id, claimed_at, batch_id, seq, n);

-- Somebody asked to end the call: whichever node answers for it does so.
ALTER TABLE live_call ADD hang_up_asked bool NOT NULL DEFAULT false;

-- When what was said in the call, and what was known of the person, was erased.
ALTER TABLE attempt ADD erased_at timestamptz;

-- How often people of the batch were asked to be called again.
ALTER TABLE batch ADD retry_count int NOT NULL DEFAULT 0;
