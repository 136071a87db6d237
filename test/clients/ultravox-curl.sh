# List scheduled calls
curl --request GET \
  --url https://api.ultravox.ai/api/agents/{agent_id}/scheduled_batches/{batch_id}/scheduled_calls \
  --header 'X-API-Key: <api-key>'
