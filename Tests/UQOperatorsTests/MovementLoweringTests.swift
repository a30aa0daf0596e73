import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

private let qx = Quantization(bits: 8, scales: [0.0371], zeroPoint: -9)
private let qy = Quantization(bits: 8, scales: [0.0457], zeroPoint: 5)

@Suite struct MovementLoweringTests {
  static let image: Shape = [1, 4, 5, 6]
  static let moves: [(any LowerableOperator, Shape, Int)] = [
    (Reshape(shape: [20, 6]), image, 1), (Transpose(permutation: [0, 3, 1, 2]), image, 1),
    (Transpose(permutation: [1, 0, 2, 3]), image, 1),
    (Transpose(permutation: [3, 2, 1, 0]), image, 1),
    (Transpose(permutation: [4, 1, 3, 2, 0]), [2, 3, 2, 3, 2], 24),
    (Transpose(permutation: [2, 3, 4, 0, 1]), [2, 3, 2, 3, 2], 1),
    (Slice(starts: [0, 1, 0, 0], ends: [1, 3, 5, 6]), image, 1),
    (Slice(starts: [0, 0, 0, 2], ends: [1, 4, 5, 5]), image, 1),
    (Slice(starts: [0, 1, 1, 1], ends: [1, 4, 3, 5]), image, 2),
    (Slice(starts: [0, 3, 4, 0], ends: [1, -1, 0, 6], steps: [1, -1, -2, 1]), image, 2),
    (Pad(before: [0, 1, 2, 0], after: [0, 0, 1, 0]), image, 1),
    (Pad(before: [0, 1, 2, 1], after: [0, 0, 1, 3], value: 1.5), image, 1),
    (Broadcast(shape: [3, 4, 5]), [4, 1], 12), (Broadcast(shape: [2, 3, 5]), [5], 1),
    (ResizeNearest(factors: [2, 3]), image, 1), (ResizeNearest(factors: [3, 1]), [2, 2, 3, 4], 1),
    (Reduce(kind: .maximum, axes: [1, 2], keepsDimensions: true), image, 1),
    (Reduce(kind: .minimum, axes: [1, 3], keepsDimensions: false), image, 2),
    (Cast(element: .float64), image, 1),
  ]

  @Test(arguments: moves.indices) func movesAreExact(_ index: Int) throws {
    let (op, shape, calls) = Self.moves[index]
    let node = QuantizedNode(op: op, operands: [.activation(shape, qx)], result: qx)
    // A value that is padded with is rounded.
    #expect(try node.largestError() <= (op is Pad ? 0.5 : 1e-9))
    let symbols = try node.run().calls
    #expect(symbols.count == calls, "\(symbols)")
    // Between two scales every element is rounded once, a pad's value twice.
    let rescaled = QuantizedNode(op: op, operands: [.activation(shape, qx)], result: qy)
    #expect(try rescaled.largestError() <= 0.5001)
  }

  @Test func concatenationsRescaleWhatDiffers() throws {
    for axis in 0..<3 {
      var other = [2, 3, 4]
      other[axis] = 5
      let node = QuantizedNode(
        op: Concat(axis: axis),
        operands: [
          .activation([2, 3, 4], qx), .activation(Shape(other), qy),
          .constant(Tensor((0..<24).map { Float($0) / 8 }, [2, 3, 4])),
        ], result: qy)
      #expect(try node.largestError() <= 0.5001)
      let symbols = try node.run().calls
      #expect(symbols == ["uq_rescale_s8", "uq_copy_2d", "uq_copy_2d", "uq_copy_2d"])
    }
  }

  @Test func gathersEvenRuns() throws {
    let indices = Tensor([Int64](arrayLiteral: 3, 2, 1, 0, 0, 1, 2, 2, -1), [3, 3])
    let node = QuantizedNode(
      op: Gather(axis: 1), operands: [.activation([2, 4, 5], qx), .constant(indices)], result: qx)
    #expect(try node.largestError() < 1e-9)
    #expect(try node.run().calls.count <= 8)
  }

  @Test func sumsAndMeans() throws {
    for axes in [[0], [1], [2], [1, 2], [1, 3], [0, 1, 2, 3]] {
      for kind in [Reduce.Kind.mean, .sum] {
        let result = Quantization(bits: 8, scales: [kind == .mean ? 0.011 : 0.3], zeroPoint: 4)
        let node = QuantizedNode(
          op: Reduce(kind: kind, axes: axes, keepsDimensions: false),
          operands: [.activation([2, 3, 4, 5], qx)], result: result)
        #expect(try node.largestError() <= 0.5001)
      }
    }
  }
}
