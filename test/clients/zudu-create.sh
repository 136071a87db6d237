# Create a batch call
curl --request POST \
--url http://localhost:8080/batch-call \
--header 'Content-Type: application/json' \
--header 'X-API-KEY: <api-key>' \
--header 'X-API-SECRET: <api-key>' \
--data '
{
"from_number": "+14157774444",
"tasks": [
{
"to_number": "+12137774445",
"dynamic_variables": {
"first_name": "John",
"last_name": "Doe",
"company": "Acme Corp"
},
"max_retries": 3
}
],
"name": "Q1 Sales Campaign",
"trigger_timestamp": 1735718400000,
"agent_id": "agent_7ff47846-c8a0-4304-ae13-88cfc31c1a03",
"timezone": "America/New_York",
"status": "draft",
"send_now": false
}
'
