import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A certificate for one name that no system believes, made now. */
export function certificateFor(name: string): { key: string; cert: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'carillon-certificate-'))
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => path.join(folder, file))
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', [...made, ...subject, '-keyout', key!, '-out', cert!], { stdio: 'ignore' })
  const pair = { key: readFileSync(key!, 'utf8'), cert: readFileSync(cert!, 'utf8') }
  rmSync(folder, { recursive: true })
  return pair
}
