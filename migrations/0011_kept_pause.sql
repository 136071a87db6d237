-- Whether somebody paused the batch and nobody let it go on since. It outlives the batch's end: late evidence may bring
-- back a call that was taken for lost, and with it the batch, which then must not dial anybody that the pause held back.
ALTER TABLE batch_state ADD paused bool NOT NULL DEFAULT false;
UPDATE batch_state SET paused = true WHERE status = 3;
