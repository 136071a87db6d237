# List batch calls
curl --request GET \
  --url http://localhost:8080/batch-call/list \
  --header 'X-API-KEY: <api-key>' \
  --header 'X-API-SECRET: <api-key>'
