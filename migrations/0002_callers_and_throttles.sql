-- One batch may call from several numbers and through several trunks; agents without a voice; names of trunks;
-- batches that were deleted.

-- From which number the lane's recipients are called; NULL: from that of the batch. A lane is now a distinct
-- (trunk, caller, set of candidate zones).
ALTER TABLE lane ADD caller_number bigint;

-- What the wire format that made the recipient must be able to repeat and the core has no use for; JSON text.
ALTER TABLE recipient ADD dialect_fields text;
ALTER TABLE staged_recipient ADD dialect_fields text;

-- The same for an agent. The kind `unbound` is an agent that nobody has given a voice yet; it cannot be used.
ALTER TABLE agent ADD dialect_fields jsonb;

-- A trunk can be named too: a wire format asks for the trunk of a medium by its name.
ALTER TABLE alias DROP CONSTRAINT alias_kind_check;
ALTER TABLE alias ADD CONSTRAINT alias_kind_check CHECK (kind IN ('organization', 'agent', 'number', 'credential', 'trunk'));

-- Set when somebody deleted the batch: it cannot be read any more, and what lives of it ends as it ends.
ALTER TABLE batch ADD deleted_at timestamptz;
CREATE INDEX batch_agent ON batch (organization_id, agent_id, batch_id);

-- NULL: the batch calls nobody itself, since somebody else places its calls.
ALTER TABLE batch ALTER caller_number DROP NOT NULL;
