"""StyleGAN2 in plain PyTorch."""
