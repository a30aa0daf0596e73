import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `GlobalAveragePool`: an average pooling whose window is the image.
public enum GlobalAveragePool: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("GlobalAveragePool") { node, builder throws(Diagnostic) in
        try builder.addGlobalPool(node) { AveragePool2D(window: $0) }
      },
      .relay("nn.global_avg_pool2d") { node, builder throws(Diagnostic) in
        try builder.addGlobalPool(node, layout: try node.text("layout", default: "NCHW")) {
          AveragePool2D(window: $0)
        }
      },
    ]
  }
}
