import type { FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Form, type FormLimits, readForm, takeForms } from '../multipart-form.ts'
import type { ZodScope } from '../zod-routes.ts'

const forms = new WeakMap<FastifyRequest, Form>()

/** Makes the routes of a scope take a form with one file beside JSON; the form is read before the route is asked. */
export async function takeFormBodies(scope: ZodScope, limits: FormLimits): Promise<void> {
  await takeForms(scope)
  scope.addHook('preValidation', async (request, reply) => {
    if (request.isMultipart()) forms.set(request, await readForm(request, reply, limits))
    else if (request.body === undefined) {
      throw new AppError('invalid-input', {
        args: ['The body is missing.'],
        remedy: 'Send a JSON body, or multipart/form-data with a file.',
      })
    }
  })
}

/** The form of a request; undefined when its body was JSON. */
export function formOf(request: FastifyRequest): Form | undefined {
  return forms.get(request)
}
