"""Image classification on Fashion-MNIST, by hand (HOG and a kernel machine) and by training (a ConvNet)."""
