import { z } from 'zod';
import { jsonSchema, nameSchema, textSchema } from './json.schema.js';
import { branchKindSchema } from './led.schema.js';
import { retrySchema } from './plan.schema.js';

const pathSchema = z
  .string()
  .max(512)
  .regex(/^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/u, 'must be a path that starts with /');

/** Whatever else a URL can hold would be dropped from requests, or shown to everyone who may read the catalogue. */
const baseUrlSchema = z
  .url({ protocol: /^https?$/u })
  .max(512)
  .refine(isBare, {
    message: 'must have no user, password, query or fragment: only scheme, host, port and path are used',
  });

/** Where an instance takes commands over Kafka. Its topic, because services and lanes share one where they agree to. */
const kafkaPlaceSchema = z.strictObject({
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/u, 'must be the name of a topic'),
});

/** An action as its service offers it. */
export const actionEntrySchema = z.strictObject({
  name: nameSchema,
  /** `saga` if nothing is said. A `tcc` action is a try, and its undo the cancel. */
  kind: branchKindSchema.optional(),
  hasCompensation: z.boolean(),
  inputSchema: jsonSchema.optional(),
  outputSchema: jsonSchema.optional(),
  retry: retrySchema.optional(),
  /** Only for plain endpoints: where the action and its compensation are called. */
  path: pathSchema.optional(),
  compensatePath: pathSchema.optional(),
  confirmPath: pathSchema.optional(),
});

export type ActionEntry = z.infer<typeof actionEntrySchema>;

/**
 * One running instance of a service, as it enters itself in the catalogue.
 *
 * `library`: it speaks batches of commands and keeps a barrier. `plain`: each action is a URL of its own.
 */
export const participantInstanceSchema = z
  .strictObject({
    instance: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/u),
    /** Where it takes requests. Left out by one that takes commands over Kafka alone. */
    baseUrl: baseUrlSchema.optional(),
    /** Beside or instead of `baseUrl`; the coordinator chooses. */
    kafka: kafkaPlaceSchema.optional(),
    kind: z.enum(['library', 'plain']),
    lane: nameSchema.optional(),
    version: textSchema.max(64).optional(),
    protocol: z.literal(1),
    actions: z.array(actionEntrySchema).max(1_000),
  })
  .superRefine((instance, context) => {
    const problems = instance.kind === 'plain' ? missingPaths(instance.actions) : [];
    for (const { path, message } of [...unreachable(instance), ...problems]) {
      context.addIssue({ code: 'custom', path, message });
    }
  });

export type ParticipantInstance = z.infer<typeof participantInstanceSchema>;

/** What is no URL at all is refused elsewhere. */
function isBare(text: string): boolean {
  if (!URL.canParse(text)) {
    return true;
  }
  const { username, password } = new URL(text);
  return username === '' && password === '' && !/[?#]/u.test(text);
}

interface FieldIssue {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Plain endpoints are spoken to over HTTP alone: what they keep of a command depends on its order. */
function unreachable({
  kind,
  baseUrl,
  kafka,
}: {
  readonly kind: 'library' | 'plain';
  readonly baseUrl?: string | undefined;
  readonly kafka?: object | undefined;
}): readonly FieldIssue[] {
  if (kind === 'plain' && kafka !== undefined) {
    return [
      {
        path: ['kafka'],
        message: 'is only for services with the library; a plain endpoint is called over HTTP',
      },
    ];
  }
  return baseUrl === undefined && kafka === undefined
    ? [{ path: ['baseUrl'], message: 'is needed where no `kafka` says how the instance is reached' }]
    : [];
}

/** A plain endpoint without a path could be called by nobody, and one without the other path never undone. */
function missingPaths(actions: readonly ActionEntry[]): readonly FieldIssue[] {
  return actions.flatMap((action, position) => [
    ...(action.path === undefined
      ? [
          {
            path: ['actions', position, 'path'],
            message: `is needed to call '${action.name}' at a plain endpoint`,
          },
        ]
      : []),
    ...(action.kind === 'tcc' && action.confirmPath === undefined
      ? [
          {
            path: ['actions', position, 'confirmPath'],
            message: `is needed to confirm '${action.name}', which says that it is a try`,
          },
        ]
      : []),
    ...(action.hasCompensation && action.compensatePath === undefined
      ? [
          {
            path: ['actions', position, 'compensatePath'],
            message: `is needed to undo '${action.name}', which says that it has a compensation`,
          },
        ]
      : []),
  ]);
}

/** An instance as the catalogue holds it. */
export interface CatalogueInstance extends ParticipantInstance {
  readonly service: string;
  /** By the log's clock, in ms since 1970. */
  readonly registeredAt: number;
  readonly seenAt: number;
}

/** An instance as the API shows it. */
export const participantViewSchema = z
  .object({
    ...participantInstanceSchema.shape,
    service: nameSchema,
    registeredAt: z.iso.datetime().meta({ description: 'By the clock of the log.' }),
    seenAt: z.iso.datetime().meta({ description: 'When it last renewed its entry.' }),
  })
  .meta({ id: 'Participant' });

export type ParticipantView = z.infer<typeof participantViewSchema>;

export const participantListSchema = z
  .object({ participants: z.array(participantViewSchema) })
  .meta({ id: 'Participants' });

export type ParticipantList = z.infer<typeof participantListSchema>;
