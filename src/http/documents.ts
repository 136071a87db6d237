import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Dialect } from '../dialects/dialect.ts'
import { OpenApiSchemas } from '../dialects/open-api.ts'

/** Makes the document of a dialect from the routes that its scope gets after this call. */
export async function describeScope(scope: FastifyInstance, dialect: Dialect): Promise<() => object> {
  const schemas = new OpenApiSchemas()
  const { version, description, tags, securitySchemes, security } = dialect.openApi
  await scope.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: dialect.title, version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: '/' }],
      tags: tags?.map((tag) => ({ ...tag })),
      components: { securitySchemes: securitySchemes as Record<string, never> },
      security: security.map((scheme) => ({ ...scheme })) as Record<string, string[]>[],
    },
    transform: schemas.transform,
    transformObject: (made) => {
      const document = 'openapiObject' in made ? made.openapiObject : made.swaggerObject
      const components = (document as { components?: object }).components
      return { ...document, components: { ...components, schemas: { ...schemas.components } } } as typeof document
    },
  })
  return () => scope.swagger()
}

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><text x="0" y="28" font-family="sans-serif" ' +
  'font-size="26" font-weight="600" fill="#fff">Carillon</text></svg>'

/** `/openapi/<dialect>.json` for each dialect, and `/docs`, which shows all of them without asking another server. */
export function addDocuments(server: FastifyInstance, documents: ReadonlyMap<Dialect, () => object>): void {
  for (const [dialect, documentOf] of documents) {
    server.get(`/openapi/${dialect.name}.json`, async (_request, reply) => reply.send(documentOf()))
  }
  const [first] = documents.values()
  server.register(async (scope) => {
    // The page needs the plugin in its scope; the documents it shows are those of the dialects.
    await scope.register(swagger, { openapi: {} })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
      theme: { title: 'Carillon API' },
      logo: { type: 'image/svg+xml', content: Buffer.from(LOGO), href: '/docs/' },
      transformSpecification: () => (first?.() ?? {}) as Record<string, unknown>,
      transformSpecificationClone: false,
      uiConfig: {
        urls: [...documents.keys()].map(({ name, title }) => ({ url: `../openapi/${name}.json`, name: title })),
        deepLinking: true,
        displayRequestDuration: true,
        validatorUrl: null,
      } as Record<string, unknown>,
    })
  })
}
