-- Columns by which nothing is ever looked for are not analyzed: to read their arrays took a twentieth of the database's time while it dialled.
ALTER TABLE event_block
  ALTER batch_id SET STATISTICS 0, ALTER seq SET STATISTICS 0, ALTER n SET STATISTICS 0,
  ALTER kind SET STATISTICS 0, ALTER code SET STATISTICS 0, ALTER at_ms SET STATISTICS 0;
ALTER TABLE attempt
  ALTER counted SET STATISTICS 0, ALTER trunk_id SET STATISTICS 0, ALTER node_id SET STATISTICS 0, ALTER cause SET STATISTICS 0,
  ALTER answered_by SET STATISTICS 0, ALTER sip_status SET STATISTICS 0, ALTER q850_cause SET STATISTICS 0,
  ALTER accepted_ms SET STATISTICS 0, ALTER ringing_ms SET STATISTICS 0, ALTER answered_ms SET STATISTICS 0,
  ALTER ended_ms SET STATISTICS 0, ALTER carrier_call_id SET STATISTICS 0, ALTER keys_pressed SET STATISTICS 0,
  ALTER spoken_text SET STATISTICS 0;
