import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The jobs of weir-bench (EngineBenchmarks.swift, WindowBenchmarks.swift) on Apache Flink's DataStream API: the same records, keys,
 * windows and checksums, exactly once with a checkpoint each second, in a cluster inside of this process.
 *
 * <p>Object reuse is on, so that records between chained operators are not copied. Prints one JSON line with the fields of
 * weir-bench's own runs.
 *
 * <p>Arguments: MEASUREMENT RECORDS PARALLELISM FOLDER
 */
public final class SameWork {
    private static final LongAdder SUM = new LongAdder();
    private static final LongAdder COUNT = new LongAdder();
    private static volatile long firstRecordMillis;
    private static volatile long checkpoints;

    public static final class Event40 {
        public long key;
        public long time;
        public long a;
        public long b;
        public long c;
    }

    /** SplitMix64, as in EngineBenchmarks.swift. */
    static long scatter(long number) {
        long z = number + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    static long key(long number, long keys) {
        long scattered = scatter(number);
        return Math.multiplyHigh(scattered, keys) + (scattered < 0 ? keys : 0); // the high half of the unsigned product
    }

    /** Each subtask adds up what arrives, and tells the whole at its end. */
    static final class ChecksumSink extends RichSinkFunction<Long> implements CheckpointListener {
        private transient long sum;
        private transient long count;

        @Override
        public void open(OpenContext context) {
            sum = 0;
            count = 0;
        }

        @Override
        public void invoke(Long value, Context context) {
            if (firstRecordMillis == 0) firstRecordMillis = System.currentTimeMillis();
            sum += value;
            count++;
        }

        @Override
        public void notifyCheckpointComplete(long checkpoint) {
            checkpoints = Math.max(checkpoints, checkpoint);
        }

        @Override
        public void close() {
            SUM.add(sum);
            COUNT.add(count);
        }
    }

    static final class CountPerKey extends KeyedProcessFunction<Long, Long, Long> {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Long key, Context context, Collector<Long> output) throws Exception {
            Long seen = count.value();
            long next = seen == null ? 1 : seen + 1;
            count.update(next);
            output.collect(next);
        }
    }

    static final class CountAggregate implements AggregateFunction<Long, Long, Long> {
        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(Long value, Long count) {
            return count + 1;
        }

        @Override
        public Long getResult(Long count) {
            return count;
        }

        @Override
        public Long merge(Long first, Long second) {
            return first + second;
        }
    }

    /** Flink's splits are halves of the range; weir-bench deals the numbers out in turn, so that both parts move through time together. */
    private static DataStream<Long> numbers(StreamExecutionEnvironment environment, long count, int parallelism) {
        long share = count / parallelism;
        return environment
                .fromSource(new NumberSequenceSource(0, count - 1), WatermarkStrategy.noWatermarks(), "numbers")
                .map(value -> value % share * parallelism + value / share)
                .returns(Types.LONG);
    }

    private static void build(StreamExecutionEnvironment environment, String measurement, long count, int parallelism) {
        DataStream<Long> numbers = numbers(environment, count, parallelism);
        switch (measurement) {
            case "pass-through" -> numbers.map(number -> {
                                Event40 event = new Event40();
                                event.key = number;
                                event.time = number * 3;
                                event.a = number + 1;
                                event.b = number ^ 5;
                                event.c = 7;
                                return event;
                            })
                    .returns(Event40.class)
                    .rebalance()
                    .map(event -> event.key + event.a + event.c)
                    .returns(Types.LONG)
                    .addSink(new ChecksumSink());
            case "keyed-count-heap", "keyed-count-rocksdb" -> numbers.map(number -> key(number, 1_000_000))
                    .returns(Types.LONG)
                    .keyBy(key -> key, Types.LONG)
                    .process(new CountPerKey())
                    .addSink(new ChecksumSink());
            case "windows" -> windows(numbers, TumblingEventTimeWindows.of(Duration.ofSeconds(1)));
            case "sliding-windows" -> windows(
                    numbers, SlidingEventTimeWindows.of(Duration.ofSeconds(10), Duration.ofSeconds(1)));
            default -> throw new IllegalArgumentException("unknown measurement " + measurement);
        }
    }

    /** A hundred records a millisecond of event time, a hundred milliseconds out of order, 10 000 keys. */
    private static void windows(DataStream<Long> numbers, WindowAssigner<Object, TimeWindow> assigner) {
        numbers.assignTimestampsAndWatermarks(
                        WatermarkStrategy.<Long>forBoundedOutOfOrderness(Duration.ofMillis(100))
                                .withTimestampAssigner((number, ignored) -> number / 100 - (scatter(number) & 63)))
                .keyBy(number -> key(number, 10_000), Types.LONG)
                .window(assigner)
                .aggregate(new CountAggregate())
                .addSink(new ChecksumSink());
    }

    private static long peakMemoryKiB() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElse(0);
    }

    public static void main(String[] arguments) throws Exception {
        String measurement = arguments[0];
        long count = Long.parseLong(arguments[1]);
        int parallelism = Integer.parseInt(arguments[2]);
        String folder = arguments[3];
        Configuration configuration = Configuration.fromMap(Map.of(
                "taskmanager.numberOfTaskSlots", String.valueOf(parallelism),
                "taskmanager.memory.managed.size", "512m",
                "taskmanager.memory.network.min", "128m",
                "taskmanager.memory.network.max", "128m",
                "execution.checkpointing.interval", "1s",
                "execution.checkpointing.dir", "file://" + folder + "/checkpoints",
                "execution.checkpointing.incremental", "true",
                "state.backend.type", measurement.equals("keyed-count-rocksdb") ? "rocksdb" : "hashmap",
                "state.backend.rocksdb.localdir", folder + "/rocksdb",
                "restart-strategy.type", "none"));
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        environment.getConfig().enableObjectReuse();
        build(environment, measurement, count, parallelism);
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime();
        long began = System.nanoTime();
        environment.execute(measurement);
        double seconds = (System.nanoTime() - began) / 1e9;
        double cpuSeconds = (system.getProcessCpuTime() - cpu) / 1e9;
        long started = ManagementFactory.getRuntimeMXBean().getStartTime();
        System.out.printf(
                "{\"records\":%d,\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"checkpoints\":%d,\"firstRecordSeconds\":%.3f,"
                        + "\"peakMemoryMiB\":%.1f,\"note\":\"\",\"checksum\":%d,\"results\":%d}%n",
                count, seconds, cpuSeconds, checkpoints, (firstRecordMillis - started) / 1e3, peakMemoryKiB() / 1024.0,
                SUM.sum(), COUNT.sum());
    }
}
