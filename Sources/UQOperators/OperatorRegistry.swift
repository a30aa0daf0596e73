import UQGraph

/// Everything that foreign nodes are imported by and that graphs are made of; a test compares the
/// list with the folder.
public let allOperators: [any ForeignOperator.Type] = [
  Add.self,
  Broadcast.self,
  Cast.self,
  Clip.self,
  Concat.self,
  ConstantArithmetic.self,
  ConstantValue.self,
  Divide.self,
  Gather.self,
  Identity.self,
  Maximum.self,
  Minimum.self,
  Multiply.self,
  Pad.self,
  Pointwise.self,
  Power.self,
  PRelu.self,
  Reduce.self,
  Reshape.self,
  ResizeNearest.self,
  ShapeQuery.self,
  Slice.self,
  Split.self,
  Subtract.self,
  Transpose.self,
  VariadicArithmetic.self,
]
