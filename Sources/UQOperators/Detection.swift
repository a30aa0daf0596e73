import UQGraph
import UQSupport

/// Operators behind the network proper of a detector, which are refused with the reason.
public enum Detection: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    reasons.map { name, reason in
      .relay(name) { node, _ throws(Diagnostic) in
        throw Diagnostic(
          id: "import.detection.data", "\(name) \(reason); end the network in front of it",
          at: node.place)
      }
    }
  }

  private static let reasons: [(String, String)] = [
    (
      "vision.all_class_non_max_suppression",
      "selects boxes by comparing them with each other: how many depends on data"
    ),
    ("vision.get_valid_counts", "moves boxes to places that depend on their scores"),
    ("vision.multibox_transform_loc", "moves boxes to places that depend on their scores"),
    (
      "vision.non_max_suppression",
      "selects boxes by comparing them with each other: how many depends on data"
    ),
    ("vision.proposal", "selects boxes by comparing them with each other"),
    ("vision.roi_align", "reads the image at coordinates that depend on data"),
    ("vision.roi_pool", "reads the image at coordinates that depend on data"),
  ]
}
