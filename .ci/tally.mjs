// The closing line of .ci/run: node .ci/tally.mjs <folder of Vitest's JSON reports> [name of a failed step]...
// Ends with code 1 when any test or step failed, or when no test was run at all.
import fs from 'node:fs'
import path from 'node:path'

const [folder, ...failedSteps] = process.argv.slice(2)
const reports = fs.readdirSync(folder).map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')))
let passed = 0
let failed = 0
for (const report of reports) {
  passed += report.numPassedTests
  failed += report.numFailedTests
  for (const file of report.testResults.filter(({ status }) => status !== 'passed')) {
    console.log(`failed: ${path.relative(process.cwd(), file.name)}`)
    for (const test of file.assertionResults) if (test.status === 'failed') console.log(`  ${test.fullName}`)
    // A file that could not be read holds no test that could fail.
    if (!file.assertionResults.some(({ status }) => status === 'failed')) failed++
  }
}
for (const step of failedSteps) {
  console.log(`failed step: ${step}`)
  if (!step.startsWith('tests')) failed++
}
// A run of tests that left no report broke down.
failed += Math.max(
  0,
  failedSteps.filter((step) => step.startsWith('tests')).length - reports.filter(({ success }) => !success).length,
)
if (passed === 0 || failedSteps.length > 0) failed = Math.max(1, failed)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
