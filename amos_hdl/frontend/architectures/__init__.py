"""Published architectures of the project's own making: plans (numbers), PyTorch modules, networks of their size."""
