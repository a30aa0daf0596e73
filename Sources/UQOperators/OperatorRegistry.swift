import UQGraph

/// Everything that foreign nodes are imported by and that graphs are made of; a test compares the
/// list with the folder.
public let allOperators: [any ForeignOperator.Type] = [
  AveragePool2D.self,
  BatchNormalization.self,
  Conv2D.self,
  DepthwiseConv2D.self,
  FullyConnected.self,
  Gemm.self,
  GlobalAveragePool.self,
  GlobalMaxPool.self,
  LogSoftmax.self,
  LpPool.self,
  MatMul.self,
  MatrixProduct.self,
  MaxPool2D.self,
  Softmax.self,
]
