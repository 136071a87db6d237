import requests
import json

url = "https://api.trillet.ai/v1/api/batch-calls"
headers = {
    'x-api-key': 'YOUR_API_KEY',
    'x-workspace-id': 'YOUR_WORKSPACE_ID'
}

files = {
    'file': open('batch-calls.csv', 'rb'),
    'agentId': (None, 'agent_123456'),
    'scheduledAt': (None, '2024-01-15T14:30:00Z'),  # Optional
    'smartCallbackConfig': (None, json.dumps({      # Optional
        "enabled": True,
        "maxAttempts": 3,
        "gaps": [{"days": 1, "hours": 0}]
    }))
}

response = requests.post(url, headers=headers, files=files)
print(response.json())
