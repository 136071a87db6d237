import json
import urllib.request

boundary = "carillon-boundary"
fields = {
    "agentId": "agent_123456",
    "scheduledAt": "2024-01-15T14:30:00Z",
    "smartCallbackConfig": json.dumps({"enabled": True, "maxAttempts": 3, "gaps": [{"days": 1, "hours": 0}]}),
}
parts = [
    f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="batch-calls.csv"\r\n\r\n'.encode()
    + open("batch-calls.csv", "rb").read()
]
for name, value in fields.items():
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
body = b"\r\n".join(parts) + f"\r\n--{boundary}--\r\n".encode()

request = urllib.request.Request(
    "https://api.trillet.ai/v1/api/batch-calls",
    data=body,
    method="POST",
    headers={
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "x-api-key": "YOUR_API_KEY",
        "x-workspace-id": "YOUR_WORKSPACE_ID",
    },
)
with urllib.request.urlopen(request) as response:
    print(json.loads(response.read()))
