type Answerer = (details: Record<string, unknown>) => unknown

interface Channel {
  send(message: object): void
}

/**
 * The other end of `workers.ts`, inside the started process: tells that it is ready and answers questions until it is
 * asked to stop. Ends by itself when the bench is gone, so that no orphan disturbs the next run.
 */
export function serveBench(answers: Readonly<Record<string, Answerer>>, stop: () => Promise<void>): Channel {
  const send = (message: object) => void process.send?.(message)
  process.on('disconnect', () => process.exit(1))
  process.on('message', async (message: { question: string } & Record<string, unknown>) => {
    if (message.question === 'stop') {
      await stop()
      process.disconnect()
      process.exit(0)
    }
    const answer = await answers[message.question]!(message)
    send({ answerTo: message.question, answer })
  })
  send({ answerTo: 'ready' })
  return { send: (news) => send({ news }) }
}

export function cpuSecondsOfSelf(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
