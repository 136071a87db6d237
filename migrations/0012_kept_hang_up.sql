-- Whether somebody asked to end the call of this attempt. It outlives the live row: a call that was taken for lost may turn
-- out to be alive by late evidence, and is ended then.
ALTER TABLE attempt ADD hang_up_asked bool NOT NULL DEFAULT false;
