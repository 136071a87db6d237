-- What an erasure works through, one after the other: 1 lists, 2 rejected rows, 3 kept answers. In rejected rows, seq is the
-- line of the last one that was looked at.
ALTER TABLE erasure ADD phase smallint NOT NULL DEFAULT 1;
UPDATE erasure SET phase = 3 WHERE answers_after IS NOT NULL;
UPDATE erasure SET answers_after = '' WHERE answers_after IS NULL;
ALTER TABLE erasure ALTER answers_after SET DEFAULT '', ALTER answers_after SET NOT NULL;
