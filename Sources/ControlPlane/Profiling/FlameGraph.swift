import Foundation

/// Draws folded stacks as one SVG document that needs nothing else: a box for each frame, as wide as its share, above its
/// caller; what a box is, is said when it is pointed at, and a click shows it and what it called in full width. Pure: the
/// same stacks give the same bytes.
package struct FlameGraph {
    package enum Palette: Sendable {
        /// A colour of fire for each name.
        case functions
        /// Busy and back-pressured time as elsewhere; the rest grey.
        case load
    }

    package let title: String
    package let subtitle: String
    /// Of the weights: `samples`, `ms`.
    package let unit: String
    package let palette: Palette
    package let stacks: FoldedStacks

    package init(title: String, subtitle: String, unit: String, palette: Palette = .functions, stacks: FoldedStacks) {
        self.title = title
        self.subtitle = subtitle
        self.unit = unit
        self.palette = palette
        self.stacks = stacks
    }

    private static let width = 1200.0
    private static let margin = 10.0
    private static let rowHeight = 17
    private static let headHeight = 56
    /// What would be narrower is left out.
    private static let boxWidthMin = 0.4
    private static let characterWidth = 6.7

    private struct Box {
        let frame: Int
        let depth: Int
        /// Parts of the whole.
        let start: Double
        let share: Double
    }

    package func svg() -> Data {
        let boxes = boxes()
        let rows = (boxes.map(\.depth).max() ?? 0) + 1
        let height = Self.headHeight + rows * Self.rowHeight + Int(Self.margin)
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(Self.width))" height="\(height)" \
            viewBox="0 0 \(Int(Self.width)) \(height)" font-family="ui-monospace, monospace" font-size="11">
            <rect width="100%" height="100%" fill="#fffdf7"/>
            <text x="\(Int(Self.width / 2))" y="24" text-anchor="middle" font-size="16">\(Self.escaped(title))</text>
            <text x="\(Int(Self.width / 2))" y="42" text-anchor="middle" fill="#666">\(Self.escaped(subtitle))</text>

            """
        for box in boxes { text += draw(box, bottom: height - Int(Self.margin)) }
        return Data((text + Self.script + "</svg>\n").utf8)
    }

    /// Callers before what they call; siblings by name.
    private func boxes() -> [Box] {
        guard stacks.weight > 0 else { return [] }
        let whole = Double(stacks.weight)
        var boxes: [Box] = []
        var open = [Box(frame: 0, depth: 0, start: 0, share: 1)]
        while let box = open.popLast() {
            boxes.append(box)
            var start = box.start
            for child in stacks.frames[box.frame].children.sorted(by: { stacks.frames[$0].name < stacks.frames[$1].name }) {
                let share = Double(stacks.frames[child].weight) / whole
                if share * (Self.width - 2 * Self.margin) >= Self.boxWidthMin {
                    open.append(Box(frame: child, depth: box.depth + 1, start: start, share: share))
                }
                start += share
            }
        }
        return boxes
    }

    private func draw(_ box: Box, bottom: Int) -> String {
        let frame = stacks.frames[box.frame]
        let inner = Self.width - 2 * Self.margin
        let x = Self.margin + box.start * inner
        let y = bottom - (box.depth + 1) * Self.rowHeight
        let width = box.share * inner
        let title = "\(frame.name) (\(frame.weight) \(unit), \(Self.decimal(box.share * 100, 1)) %)"
        return """
            <g data-x="\(Self.decimal(box.start, 6))" data-w="\(Self.decimal(box.share, 6))" data-d="\(box.depth)">\
            <title>\(Self.escaped(title))</title>\
            <rect x="\(Self.decimal(x, 1))" y="\(y)" width="\(Self.decimal(width, 1))" height="\(Self.rowHeight - 1)" \
            fill="\(color(frame.name, depth: box.depth))"/>\
            <text x="\(Self.decimal(x + 3, 1))" y="\(y + 12)">\(Self.escaped(Self.fitting(frame.name, width)))</text></g>

            """
    }

    private static func fitting(_ name: String, _ width: Double) -> String {
        let room = Int((width - 6) / characterWidth)
        guard name.count > room else { return name }
        return room < 3 ? "" : name.prefix(room - 1) + "…"
    }

    private func color(_ name: String, depth: Int) -> String {
        switch palette {
        case .load where name == BusyTime.busy: return "#e4572e"
        case .load where name == BusyTime.backPressured: return "#f3a712"
        case .load: return depth % 2 == 0 ? "#d8d4c8" : "#e6e2d6"
        case .functions:
            // FNV-1a: the same name has the same colour in every picture.
            let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            return "rgb(\(205 + hash % 50),\(90 + hash / 64 % 140),\(hash / 8192 % 60))"
        }
    }

    private static func decimal(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", locale: Locale(identifier: "en_US_POSIX"), value)
    }

    /// For XML; characters that XML cannot hold become `?`.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A click on a box gives it the whole width; its callers are drawn as wide, everything beside it goes.
    private static let script = """
        <script><![CDATA[
        (() => {
          const margin = \(Int(margin)), inner = \(Int(width - 2 * margin)), letter = \(characterWidth);
          const boxes = [...document.querySelectorAll("g[data-x]")].map(g => ({
            g, rect: g.querySelector("rect"), text: g.querySelector("text"),
            name: g.querySelector("title").textContent.replace(/ \\([^(]*\\)$/, ""),
            x: +g.dataset.x, w: +g.dataset.w, d: +g.dataset.d,
          }));
          const show = target => {
            for (const box of boxes) {
              const isCaller = box.d <= target.d && box.x <= target.x + 1e-6 && box.x + box.w >= target.x + target.w - 1e-6;
              const isCalled = box.d > target.d && box.x >= target.x - 1e-6 && box.x + box.w <= target.x + target.w + 1e-6;
              box.g.style.display = isCaller || isCalled ? "" : "none";
              box.g.style.opacity = isCaller && box.d < target.d ? 0.5 : 1;
              const x = isCaller ? 0 : (box.x - target.x) / target.w, w = isCaller ? 1 : box.w / target.w;
              box.rect.setAttribute("x", margin + x * inner);
              box.rect.setAttribute("width", Math.max(0, w * inner));
              box.text.setAttribute("x", margin + x * inner + 3);
              const room = Math.floor((w * inner - 6) / letter);
              box.text.textContent = box.name.length <= room ? box.name : room < 3 ? "" : box.name.slice(0, room - 1) + "…";
            }
          };
          for (const box of boxes) {
            box.g.style.cursor = "pointer";
            box.g.addEventListener("click", () => show(box));
          }
        })();
        ]]></script>

        """
}
