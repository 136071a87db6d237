-- Whether somebody asked to end the call of this attempt. It outlives the live row: a call that was taken for lost may turn
-- out to be alive by late evidence, and is ended then.
ALTER TABLE attempt ADD hang_up_asked bool NOT NULL DEFAULT false;

-- Kept answers are read for an erasure some at a time, in the order of their keys: behind which one it goes on. NULL: the
-- lists are not read to their end yet.
ALTER TABLE erasure ADD answers_after text;
-- The answers that told of a batch, without a look at all that are kept.
CREATE INDEX idempotent_answer_batch ON idempotent_answer (organization_id, batch_id) WHERE batch_id IS NOT NULL AND body IS NOT NULL;
