# Perl, by FFI::Platypus: perl order.pl LIBRARY FOLDER
# Runs the function in FOLDER/order.pickle on rows of Perl's, and pickles a function that knows the totals.
use strict;
use warnings;

package CloudPickle::Buffer {
    use FFI::Platypus::Record;
    record_layout_1(opaque => 'data', size_t => 'len', uint32 => 'flags', uint32 => 'reserved',
                    opaque => 'release', opaque => 'private_data');
}

package CloudPickle {
    use FFI::Platypus 2.00;
    use FFI::Platypus::Buffer qw(buffer_to_scalar);

    my $ffi = FFI::Platypus->new(api => 2, lib => [$ARGV[0]]);
    $ffi->type('record(CloudPickle::Buffer)*' => 'cp_buffer');
    $ffi->attach(cp_initialize => ['opaque', 'opaque*'] => 'sint32');
    $ffi->attach(cp_finalize => ['opaque*'] => 'sint32');
    $ffi->attach(cp_error_message => ['opaque'] => 'string');
    $ffi->attach(cp_error_python_type => ['opaque'] => 'string');
    $ffi->attach(cp_error_free => ['opaque'] => 'void');
    $ffi->attach(cp_buffer_release => ['cp_buffer'] => 'void');
    $ffi->attach(cp_loads => ['string', 'size_t', 'opaque', 'opaque*', 'opaque', 'opaque*'] => 'sint32');
    $ffi->attach(cp_dumps => ['opaque', 'opaque', 'cp_buffer', 'opaque*'] => 'sint32');
    $ffi->attach(cp_eval => ['string', 'opaque', 'opaque*', 'opaque*'] => 'sint32');
    $ffi->attach(cp_call => ['opaque', 'opaque[]', 'size_t', 'opaque*', 'opaque*'] => 'sint32');
    $ffi->attach(cp_from_int64 => ['sint64'] => 'opaque');
    $ffi->attach(cp_from_double => ['double'] => 'opaque');
    $ffi->attach(cp_from_utf8 => ['string', 'size_t'] => 'opaque');
    $ffi->attach(cp_as_double => ['opaque', 'double*', 'opaque*'] => 'sint32');
    $ffi->attach(cp_decref => ['opaque'] => 'void');

    # Dies with an object that has message and python_type.
    sub check {
        my ($status, $report) = @_;
        return if $status == 0;
        my $error = bless {message => cp_error_message($report), python_type => cp_error_python_type($report)},
            'CloudPickle::Error';
        cp_error_free($report);
        die $error;
    }

    sub initialize { my $err; check(cp_initialize(undef, \$err), $err) }
    sub finalize { my $err; check(cp_finalize(\$err), $err) }

    sub loads {
        my ($bytes) = @_;
        my ($out, $err);
        check(cp_loads($bytes, length $bytes, undef, \$out, undef, \$err), $err);
        return CloudPickle::Object->own($out);
    }

    sub eval {
        my ($expression) = @_;
        my ($out, $err);
        check(cp_eval($expression, undef, \$out, \$err), $err);
        return CloudPickle::Object->own($out);
    }

    sub dumps {
        my ($object) = @_;
        my ($buffer, $err) = CloudPickle::Buffer->new;
        check(cp_dumps($$object, undef, $buffer, \$err), $err);
        my $bytes = buffer_to_scalar($buffer->data, $buffer->len);
        cp_buffer_release($buffer);
        return $bytes;
    }
}

# A Python object, whose reference ends with the last one of Perl's.
package CloudPickle::Object {
    sub own {
        my ($class, $pointer) = @_;
        die "no Python, or no memory" unless $pointer;
        return bless \$pointer, $class;
    }
    sub text {
        my ($class, $value) = @_;
        utf8::encode($value);
        return $class->own(CloudPickle::cp_from_utf8($value, length $value));
    }
    sub integer { my ($class, $value) = @_; $class->own(CloudPickle::cp_from_int64($value)) }
    sub float { my ($class, $value) = @_; $class->own(CloudPickle::cp_from_double($value)) }

    sub call {
        my ($self, @arguments) = @_;
        my ($out, $err);
        my $pointers = [map { $$_ } @arguments];
        CloudPickle::check(CloudPickle::cp_call($$self, $pointers, scalar @arguments, \$out, \$err), $err);
        return CloudPickle::Object->own($out);
    }

    sub number {
        my ($self) = @_;
        my ($out, $err) = (0.0);
        CloudPickle::check(CloudPickle::cp_as_double($$self, \$out, \$err), $err);
        return $out;
    }
    sub DESTROY { CloudPickle::cp_decref(${$_[0]}) }
}

package main;

my $folder = $ARGV[1];

sub work {
    open my $in, '<:raw', "$folder/order.pickle" or die $!;
    my $order = CloudPickle::loads(do { local $/; <$in> });
    my $price = sub {
        my ($name, $count, $each) = @_;
        my $object = 'CloudPickle::Object';
        return $order->call($object->text($name), $object->integer($count), $object->float($each))->number;
    };

    my ($total, @flat) = (0);
    for my $row (['tea', 3, 2.5], ['coffee', 10, 4.0], ['milk', 2, 1.25]) {
        my $each = $price->(@$row);
        printf "%s %.2f\n", $row->[0], $each;
        $total += $each;
        push @flat, CloudPickle::Object->text($row->[0]), CloudPickle::Object->float($each);
    }
    printf "total %.2f\n", $total;

    die "nothing was raised" if eval { $price->('coffee', 1000, 4.0); 1 };
    die $@ unless ref $@ eq 'CloudPickle::Error';
    print "error $@->{python_type}: $@->{message}\n";

    my $keep = CloudPickle::eval(
        'lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))');
    open my $out, '>:raw', "$folder/totals.pickle" or die $!;
    print $out CloudPickle::dumps($keep->call(@flat));
    close $out or die $!;
}

CloudPickle::initialize();
work();
CloudPickle::finalize();
