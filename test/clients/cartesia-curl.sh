curl --request POST \
  --url https://api.cartesia.ai/agents/calls/batches \
  --header 'Authorization: Bearer <token>' \
  --header 'Cartesia-Version: <cartesia-version>' \
  --header 'Content-Type: application/json' \
  --data '
{
  "name": "<string>",
  "agent_id": "<string>",
  "from_number_id": "<string>",
  "recipients": [
    {
      "to_number": "<string>",
      "metadata": {}
    }
  ],
  "target_concurrency_limit": 2,
  "ringing_timeout_seconds": 42,
  "max_call_duration_minutes": 240,
  "scheduled_at": "2023-11-07T05:31:56Z"
}
'
