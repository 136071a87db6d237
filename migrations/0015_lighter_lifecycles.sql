-- Rows that every cycle changes refer to their batch, trunk or organization by no foreign key any more. They are made in the
-- transaction that makes these, and neither is ever deleted. PostgreSQL checks the key of a row again whenever one transaction
-- changes it twice, and a cycle changes them with its progress, its ends and its claims: that was a statement and a row lock
-- for each batch, a fiftieth of the database's time with 100 batches, and more with more of them.
ALTER TABLE batch_state DROP CONSTRAINT batch_state_organization_id_batch_id_fkey;
ALTER TABLE trunk_state DROP CONSTRAINT trunk_state_organization_id_trunk_id_fkey;
ALTER TABLE gate DROP CONSTRAINT gate_organization_id_fkey;

-- Rows of live calls are found by their places now, without the index whose scans cleared pages of dead versions on their way.
-- A page has room for all four versions of each of its rows instead.
ALTER TABLE live_call SET (fillfactor = 18);

-- Dials, newest first, are found through the events of their claims: an entry for each claim instead of one for each dial, which
-- cost a twentieth of the database's time.
CREATE INDEX event_block_dials ON event_block (organization_id, at) WHERE 1 = ANY (kind);
DROP INDEX attempt_newest;
