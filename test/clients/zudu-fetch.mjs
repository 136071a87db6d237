// Create a batch call, start it, and follow it to its end: node zudu-fetch.mjs <base> <key> <secret>
const [base, key, secret] = process.argv.slice(2)
const headers = { 'Content-Type': 'application/json', 'X-API-KEY': key, 'X-API-SECRET': secret }

async function call(method, path, body) {
  const response = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) })
  const answer = await response.json()
  if (answer.status !== 'success') throw new Error(`${response.status} ${answer.error}`)
  return answer.data
}

const created = await call('POST', '/batch-call', {
  from_number: '+14157774444',
  tasks: [{ to_number: '+12137774445', dynamic_variables: { first_name: 'John' }, max_retries: 1 }],
  name: 'Q1 Sales Campaign',
  agent_id: 'agent_7ff47846-c8a0-4304-ae13-88cfc31c1a03',
  status: 'draft',
})
await call('POST', `/batch-call/${created.batch_call_id}/execute`)
let batch = created
while (batch.status !== 'completed') batch = await call('GET', `/batch-call/${created.batch_call_id}`)
const { tasks } = await call('GET', `/batch-call/${created.batch_call_id}/tasks`)
const stored = await (await fetch(batch.tasks_url)).json()
console.log(JSON.stringify({ batch, tasks, stored }))
