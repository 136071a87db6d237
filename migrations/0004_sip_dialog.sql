-- What ends a live call at its carrier, so that any node can do it when the one that placed it is gone. For SIP: Call-ID,
-- tags, branch and sent-by of the INVITE, sequence number, routes and target. In the carrier's own words.
ALTER TABLE live_call ADD carrier_state text;

-- The cause of ITU-T Q.850 that the telephone network gave, beside the SIP status.
ALTER TABLE attempt ADD q850_cause smallint;
