import { Kafka, logLevel, type Admin } from 'kafkajs';

/** A client that says nothing of brokers that die, for that is what these tests are about. */
export class SilentClient {
  protected readonly kafka: Kafka;

  constructor(brokers: readonly string[]) {
    this.kafka = new Kafka({
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
    });
  }

  protected async withAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
