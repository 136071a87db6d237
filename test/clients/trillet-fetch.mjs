import { readFileSync } from 'node:fs'

const form = new FormData()
form.append('file', new Blob([readFileSync('batch-calls.csv')]), 'batch-calls.csv')
form.append('agentId', 'agent_123456')
form.append('scheduledAt', '2024-01-15T14:30:00Z')
form.append(
  'smartCallbackConfig',
  JSON.stringify({
    enabled: true,
    maxAttempts: 3,
    gaps: [
      { days: 1, hours: 0 },
      { days: 2, hours: 0 },
    ],
  }),
)

const response = await fetch('https://api.trillet.ai/v1/api/batch-calls', {
  method: 'POST',
  headers: { 'x-api-key': 'YOUR_API_KEY', 'x-workspace-id': 'YOUR_WORKSPACE_ID' },
  body: form,
})
console.log(JSON.stringify(await response.json()))
