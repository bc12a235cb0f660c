import com.lmax.disruptor.BatchEventProcessor;
import com.lmax.disruptor.BatchEventProcessorBuilder;
import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.YieldingWaitStrategy;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.CountDownLatch;

/**
 * One producer, one consumer, 8-byte events through the LMAX Disruptor. Reads lines "batch count" from standard input; for
 * each it passes the numbers 0..count-1 through a ring of 4,096 events, claiming `batch` at a time, and answers with one
 * line "events-per-second sum". It lives for the whole benchmark, so that its code is warm.
 */
public final class OneToOne {
    private static final int CAPACITY = 4096;

    static final class Event {
        long value;
    }

    static final class Adder implements EventHandler<Event> {
        long sum;
        private long left;
        private final CountDownLatch done = new CountDownLatch(1);

        Adder(final long count) {
            left = count;
        }

        @Override
        public void onEvent(final Event event, final long sequence, final boolean endOfBatch) {
            sum += event.value;
            if (--left == 0) {
                done.countDown();
            }
        }
    }

    public static void main(final String[] arguments) throws Exception {
        final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            final String[] words = line.split(" ");
            System.out.println(run(Integer.parseInt(words[0]), Long.parseLong(words[1])));
        }
    }

    private static String run(final int batch, final long count) throws Exception {
        final RingBuffer<Event> ring =
            RingBuffer.createSingleProducer(Event::new, CAPACITY, new YieldingWaitStrategy());
        final SequenceBarrier barrier = ring.newBarrier();
        final Adder adder = new Adder(count);
        final BatchEventProcessor<Event> processor = new BatchEventProcessorBuilder().build(ring, barrier, adder);
        ring.addGatingSequences(processor.getSequence());
        final Thread consumer = new Thread(processor);
        consumer.start();
        final long start = System.nanoTime();
        if (batch == 1) {
            produce(ring, count);
        } else {
            produceBatches(ring, batch, count);
        }
        adder.done.await();
        final double seconds = (System.nanoTime() - start) / 1e9;
        processor.halt();
        consumer.join();
        return count / seconds + " " + adder.sum;
    }

    private static void produce(final RingBuffer<Event> ring, final long count) {
        for (long i = 0; i < count; i++) {
            final long sequence = ring.next();
            ring.get(sequence).value = i;
            ring.publish(sequence);
        }
    }

    private static void produceBatches(final RingBuffer<Event> ring, final int batch, final long count) {
        for (long i = 0; i < count; ) {
            final int size = (int) Math.min(batch, count - i);
            final long last = ring.next(size);
            final long first = last - size + 1;
            for (long sequence = first; sequence <= last; sequence++) {
                ring.get(sequence).value = i++;
            }
            ring.publish(first, last);
        }
    }
}
