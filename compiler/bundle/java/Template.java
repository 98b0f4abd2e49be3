package mcompc.template;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A neural network, compiled by mcompc: integers in native code, one copy of the weights for every CPU of an ABI.
 *
 * <p>An object holds the memory of one inference at a time, so every thread needs one of its own. {@link #run(float[]...)} takes and gives
 * reals; {@link #input}, {@link #run()} and {@link #output} work on the codes in place, without a copy.
 */
public final class Template {
    static {
        System.loadLibrary("TEMPLATE_LIBRARY");
    }

    private final ByteBuffer block;
    private final Tensor[] inputs;
    private final Tensor[] outputs;

    /** Allocates the memory of an inference outside the heap. */
    public Template() {
        // "bytes" N, then a line a tensor.
        String[] lines = meta().split("\n");
        int inputCount = 0;
        for (String line : lines) {
            if (line.startsWith("in\t")) inputCount++;
        }
        block = ByteBuffer.allocateDirect(Integer.parseInt(lines[0]) + 127);
        // The library rounds the block's address up to a multiple of 128 and tells by how much.
        int skip = skip(block);
        inputs = new Tensor[inputCount];
        outputs = new Tensor[lines.length - 1 - inputCount];
        for (int i = 1; i < lines.length; i++) {
            Tensor t = new Tensor(lines[i].split("\t"), block, skip);
            if (i <= inputCount) inputs[i - 1] = t;
            else outputs[i - 1 - inputCount] = t;
        }
    }

    /** Name of the code that this CPU runs, such as {@code aarch64-dotprod}; empty where it runs none. */
    public String variant() {
        return nameOfVariant();
    }

    /** Number of inputs. */
    public int inputs() {
        return inputs.length;
    }

    /** Number of outputs. */
    public int outputs() {
        return outputs.length;
    }

    /** Input {@code i}, in the model's order. */
    public Tensor input(int i) {
        return inputs[i];
    }

    /** Output {@code i}, in the model's order. */
    public Tensor output(int i) {
        return outputs[i];
    }

    /** The input of a name; {@code IllegalArgumentException} where there is none. */
    public Tensor input(String name) {
        return find(inputs, name);
    }

    /** The output of a name; {@code IllegalArgumentException} where there is none. */
    public Tensor output(String name) {
        return find(outputs, name);
    }

    /** Computes the outputs from what the inputs hold. {@code IllegalStateException} where the CPU runs no variant or weights are damaged. */
    public void run() {
        int status = invoke(block);
        if (status == -2) throw new IllegalStateException("the weights in the library are damaged");
        if (status == -3) throw new IllegalStateException("this CPU runs none of the library's variants");
        if (status != 0) throw new IllegalStateException("the library returned " + status);
    }

    /** One inference on reals: an array an input, in order; gives an array an output. */
    public float[][] run(float[]... reals) {
        if (reals.length != inputs.length) throw new IllegalArgumentException(inputs.length + " inputs are needed, not " + reals.length);
        for (int i = 0; i < reals.length; i++) inputs[i].set(reals[i]);
        run();
        float[][] results = new float[outputs.length][];
        for (int i = 0; i < results.length; i++) results[i] = outputs[i].get();
        return results;
    }

    private static Tensor find(Tensor[] all, String name) {
        for (Tensor t : all) {
            if (t.name.equals(name)) return t;
        }
        throw new IllegalArgumentException("no tensor is called " + name);
    }

    private static native String meta();

    private static native String nameOfVariant();

    private static native int skip(ByteBuffer block);

    private static native int invoke(ByteBuffer block);

    /** An input or output: codes in native memory, and what they stand for, {@code real = scale * (code - zeroPoint)}. */
    public static final class Tensor {
        /** Name in the model. */
        public final String name;
        /** {@code i8}, {@code u8}, {@code i16}, {@code u16}, {@code i32} or {@code i64}. */
        public final String type;
        /** Number of elements. */
        public final int size;
        private final int[] shape;
        private final float[] scale;
        private final float[] zeroPoint;
        private final int inner;
        private final ByteBuffer buffer;

        Tensor(String[] w, ByteBuffer block, int skip) {
            name = w[1];
            type = w[2];
            shape = ints(w[3]);
            int n = 1;
            for (int d : shape) n *= d;
            size = n;
            int at = skip + Integer.parseInt(w[4]);
            inner = Integer.parseInt(w[5]);
            scale = w.length > 6 ? floats(w[6]) : new float[0];
            zeroPoint = w.length > 7 ? floats(w[7]) : new float[0];
            ByteBuffer part = block.duplicate();
            part.position(at);
            part.limit(at + n * width());
            buffer = part.slice().order(ByteOrder.nativeOrder());
        }

        /** Dimensions, outermost first. */
        public int[] shape() {
            return shape.clone();
        }

        /** Scales: one, one a channel, or none for a tensor of indices. */
        public float[] scale() {
            return scale.clone();
        }

        /** Codes that stand for 0, as many as scales. */
        public float[] zeroPoint() {
            return zeroPoint.clone();
        }

        /** The codes in native memory, in native byte order: filling it and calling {@code run()} copies nothing. */
        public ByteBuffer codes() {
            buffer.clear();
            return buffer;
        }

        /** Sets the codes from an array. */
        public void setCodes(byte[] codes) {
            if (codes.length != size * width()) throw new IllegalArgumentException(size * width() + " bytes are needed, not " + codes.length);
            codes().put(codes);
        }

        /** The codes as an array. */
        public byte[] getCodes() {
            byte[] out = new byte[size * width()];
            codes().get(out);
            return out;
        }

        /** Sets the codes nearest to reals, ties away from zero, saturating; NaN becomes the lowest code. */
        public void set(float[] reals) {
            if (reals.length != size) throw new IllegalArgumentException(size + " elements are needed, not " + reals.length);
            if (scale.length == 0) throw new IllegalStateException(name + " holds indices: set its codes");
            for (int i = 0; i < size; i++) {
                int c = i / inner % scale.length;
                float zero = zeroPoint[c], v = reals[i] / scale[c], lo = lowest() - zero, hi = highest() - zero;
                if (!(v >= lo)) v = lo;
                if (v > hi) v = hi;
                boolean whole = zero == (int) zero;
                put(i, whole ? nearest(v) + (int) zero : nearest(v + zero));
            }
        }

        /** What the codes stand for. */
        public float[] get() {
            float[] out = new float[size];
            for (int i = 0; i < size; i++) {
                if (scale.length == 0) {
                    out[i] = code(i);
                } else {
                    int c = i / inner % scale.length;
                    out[i] = scale[c] * (code(i) - zeroPoint[c]);
                }
            }
            return out;
        }

        /** Code {@code i}. */
        public long code(int i) {
            if (type.equals("i8")) return buffer.get(i);
            if (type.equals("u8")) return buffer.get(i) & 0xff;
            if (type.equals("i16")) return buffer.getShort(2 * i);
            if (type.equals("u16")) return buffer.getShort(2 * i) & 0xffff;
            if (type.equals("i32")) return buffer.getInt(4 * i);
            return buffer.getLong(8 * i);
        }

        /** Sets code {@code i}. */
        public void put(int i, long code) {
            switch (width()) {
                case 1:
                    buffer.put(i, (byte) code);
                    break;
                case 2:
                    buffer.putShort(2 * i, (short) code);
                    break;
                case 4:
                    buffer.putInt(4 * i, (int) code);
                    break;
                default:
                    buffer.putLong(8 * i, code);
            }
        }

        private int width() {
            if (type.endsWith("64")) return 8;
            if (type.endsWith("32")) return 4;
            return type.endsWith("16") ? 2 : 1;
        }

        private float lowest() {
            return type.startsWith("u") ? 0 : type.equals("i8") ? -128 : -32768;
        }

        private float highest() {
            return type.equals("u8") ? 255 : type.equals("i8") ? 127 : type.equals("u16") ? 65535 : 32767;
        }

        private static int nearest(float v) {
            int t = (int) v;
            float d = v - t;
            return d >= 0.5f ? t + 1 : d <= -0.5f ? t - 1 : t;
        }

        private static int[] ints(String list) {
            if (list.isEmpty()) return new int[0];
            String[] words = list.split(",");
            int[] out = new int[words.length];
            for (int i = 0; i < out.length; i++) out[i] = Integer.parseInt(words[i]);
            return out;
        }

        private static float[] floats(String list) {
            if (list.isEmpty()) return new float[0];
            String[] words = list.split(",");
            float[] out = new float[words.length];
            for (int i = 0; i < out.length; i++) out[i] = Float.parseFloat(words[i]);
            return out;
        }
    }
}
