"""Random operators, clocks, gateways and kills against the whole engine, with an independent model beside it."""
