import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { Charge } from './charge.entity.js';
import { PaymentsController } from './payments.controller.js';
import { CreatePayments1793000000000 } from './payments.migration.js';
import { PaymentsService } from './payments.service.js';
import { Wallet } from './wallet.entity.js';

const parts = { service: 'payments', entities: [Wallet, Charge], migrations: [CreatePayments1793000000000] };

@Module({ controllers: [PaymentsController, HealthController], providers: [PaymentsService] })
export class PaymentsModule {
  static forRoot(environment: Environment): DynamicModule {
    return { module: PaymentsModule, imports: serviceImports(environment, parts) };
  }
}
