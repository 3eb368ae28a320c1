import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { DataSource } from 'typeorm';

@Controller('health')
export class HealthController {
  constructor(private readonly database: DataSource) {}

  @Get()
  async check(): Promise<{ status: 'ok' }> {
    try {
      await this.database.query('select 1');
      return { status: 'ok' };
    } catch (cause) {
      throw new ServiceUnavailableException('The database does not answer.', { cause });
    }
  }
}
