import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from '../http/answer.schemas.js';
import { EXAMPLES } from './examples.js';
import { BEARER } from './operation.decorator.js';
import { convertSchema } from './schema.conversion.js';

const DESCRIPTION = [
  'Submits, shows and repairs distributed transactions.',
  'Every error is a problem document (RFC 9457) whose `code` is for programs and never changes.',
  'Instants are those of the log.',
].join(' ');

/** Nest's description takes every body for required. */
const OPTIONAL_BODIES: ReadonlySet<string> = new Set(['retryTransaction']);

/** Returns the description of the API (OpenAPI 3.1), from the routes and the schemas that check their requests. */
export function describeApi(app: INestApplication, version: string): OpenAPIObject {
  const frame = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Atone coordinator')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', description: 'ATONE_API_TOKEN, where it is configured.' }, BEARER)
    .build();
  const document = SwaggerModule.createDocument(app, frame, {
    autoTagControllers: false,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convertSchema(schema, schemaType) : undefined,
  });
  const problem = convertSchema(problemSchema, 'output').components;
  const components = { ...document.components, schemas: { ...document.components?.schemas, ...problem } };
  return withBodies({ ...document, components });
}

function withBodies(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    for (const operation of [item.get, item.put, item.post, item.delete]) {
      const body = operation?.requestBody;
      const example = EXAMPLES[operation?.operationId ?? ''];
      if (body !== undefined && 'content' in body && example !== undefined) {
        body.content['application/json'] = { ...body.content['application/json'], example };
        body.required = !OPTIONAL_BODIES.has(operation?.operationId ?? '');
      }
    }
  }
  return document;
}
