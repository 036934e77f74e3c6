import { Controller, Get, Logger, Param } from '@nestjs/common';

@Controller()
export class OrdersController {
  readonly #logger = new Logger(OrdersController.name);

  @Get('orders/:order')
  find(@Param('order') order: string): { order: string } {
    this.#logger.log({ message: 'order looked up', order });
    return { order };
  }

  @Get('broken')
  broken(): never {
    throw new Error('the warehouse does not answer');
  }
}
